"""The format of a history file: a header, then the accounts where they were asked for (`account_lines.py`), then the
entries by rising ids, as lines of JSON in UTF-8.

Unknown fields and other versions are refused, so that nothing is lost silently.
"""

import codecs
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.records import Time

VERSION = 1

FormatName = Literal["trio-chat history"]
Id = Annotated[int, Meta(ge=0, le=2**53)]
"""Larger numbers lose digits in other JSON parsers."""

OptionalAccountId = Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")]
"""The id of an account; empty for a guest."""


class FormatError(Exception):
    """A line is malformed; the text says why."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: the journal of the entries, and the id of the last one, which reveals a truncated file.

    `accounts` is the number of accounts that follow; an export without them leaves it out, as early versions do.
    """

    format: FormatName = "trio-chat history"
    version: Literal[1] = 1
    epoch: Annotated[str, Meta(min_length=1, max_length=64)]
    pruned_to: Id
    last_id: Id
    accounts: Annotated[int, Meta(ge=0, le=10**7)] | UnsetType = UNSET


class _AnyHeader(msgspec.Struct, frozen=True):
    """The fields that the header of every version has."""

    format: FormatName
    version: int


class _EntryLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An entry, without `client` of its draft, which has a meaning only while the server runs."""

    id: Id
    time: Time
    room: Annotated[str, Meta(min_length=1)]
    kind: Kind
    author: str
    text: str = ""
    to: str = ""
    session: str = ""
    key: str = ""
    account: OptionalAccountId = ""
    to_account: OptionalAccountId = ""


_encoder = msgspec.json.Encoder()
_any_header_decoder = msgspec.json.Decoder(_AnyHeader)
_header_decoder = msgspec.json.Decoder(Header)
_line_decoder = msgspec.json.Decoder(_EntryLine)


def encode_header(header: Header) -> bytes:
    """Format a header, with its newline."""
    return _encoder.encode(header) + b"\n"


def decode_header(line: bytes) -> Header:
    """Read a header, behind a byte order mark if there is one. Raises FormatError."""
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError("this is in UTF-16, as PowerShell writes what `>` takes: export to a FILE by its name")
    line = line.removeprefix(codecs.BOM_UTF8)
    try:
        version = _any_header_decoder.decode(line).version
    except (ValueError, RecursionError) as error:
        raise FormatError("this does not begin like a history that trio-chat exported") from error
    if version != VERSION:
        raise FormatError(f"this is a history of version {version}, and only {VERSION} is known here; update trio-chat")
    try:
        return _header_decoder.decode(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(str(error)) from error


def encode_entry(entry: Entry) -> bytes:
    """Format an entry, with its newline."""
    draft = entry.draft
    line = _EntryLine(
        id=entry.id,
        time=entry.time,
        room=draft.room,
        kind=draft.kind,
        author=draft.author,
        text=draft.text,
        to=draft.to,
        session=draft.session,
        key=draft.key,
        account=draft.account,
        to_account=draft.to_account,
    )
    return _encoder.encode(line) + b"\n"


def decode_entry(line: bytes) -> Entry:
    """Read an entry. Raises FormatError."""
    try:
        it = _line_decoder.decode(line)
    except (ValueError, RecursionError) as error:  # invalid JSON or UTF-8, or other fields
        raise FormatError(str(error)) from error
    draft = Draft(it.room, it.kind, it.author, it.text, it.to, "", it.session, it.key, it.account, it.to_account)
    return Entry(it.id, it.time, draft)
