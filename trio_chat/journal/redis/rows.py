"""Encoding and decoding of entries in Redis. Whatever is read is checked: somebody may have written it by hand."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from ipaddress import ip_network
from typing import Any, TypeVar

import msgspec

from trio_chat.chat.accounts.account import is_blob
from trio_chat.chat.events import PRESENCE, Draft, Entry, Kind
from trio_chat.chat.operators.networks import address_of
from trio_chat.chat.remote_clients import ClientFacts
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.records import AccountRecord, BanRecord, Damaged, MuteRecord, Past, Unknown

DIGEST_BYTES = 12
"""Length of the digest of a session and key. Its first 13 bits choose one of 8,192 hashes, each so small (up to 128
fields by default) that Redis keeps it as one block: 24 bytes for an entry where a field of a large hash takes 90."""

ID_MAX = 2**53 - 1

FIELDS_MAX = 32
"""Fields of an entry: those of this version, and what a newer one may write behind them."""

_TIMES_END = 253402300800 * 10**6
"""The year 10000: a time beyond it could not be shown."""

PAYLOAD_BYTES_MAX = 65536
"""Bytes of an entry, of a session record and of a node's description of a client: a text of 4,096 characters takes
24 KB. Whatever is longer was written by hand, and could take long to decode."""

TURN_BYTES = 1 << 20
"""Bytes of entries that are decoded between two checkpoints, in 3 ms. A thousand of usual size have 200 KB."""

ROW_LENGTH = 4
"""Values that a script returns for an entry: id, room, time, payload. For one that cannot be found it returns fewer."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[int | str]).decode
_decode_facts = msgspec.json.Decoder(ClientFacts).decode
_KINDS = {kind.value: kind for kind in Kind}
_PRESENCE = frozenset(PRESENCE)
_FIELDS_MIN = 3
_CLIENT_ID = re.compile(r"c[1-9][0-9]{0,39}")


def to_payload(draft: Draft) -> bytes:
    """Encode a draft without its room: a checksum and its fields, as far as they are not empty, as a JSON array."""
    fields = [
        draft.kind.value, draft.author, draft.text, draft.to, draft.session, draft.key, draft.account, draft.to_account
    ]  # fmt: skip
    while len(fields) >= _FIELDS_MIN and not fields[-1]:
        fields.pop()
    return _encode([_checksum(draft.room, fields), *fields])


def to_entry(number: int, room: bytes, micros: bytes, payload: bytes, client: bytes = b"") -> Past:
    """Decode an entry. Returns Damaged for anything else, and Unknown for an entry of a newer version.

    `client` is the id of the client that caused it, where that is known.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return Damaged(number)
    try:
        checksum, *fields = _decode(payload)
        name, time = room.decode(), int(micros)
        kind, *rest = fields
        if not _FIELDS_MIN - 1 <= len(fields) < FIELDS_MAX or not all(isinstance(it, str) for it in fields):
            return Damaged(number)
        if _checksum(name, fields) != checksum or not 0 <= time < _TIMES_END or not 0 < number <= ID_MAX:  # type: ignore[arg-type]
            return Damaged(number)
        if kind not in _KINDS:
            return Unknown(number)
        author, text, to, session, key, account, to_account = (*rest, *("",) * (7 - len(rest)))[:7]
        draft = Draft(name, _KINDS[kind], author, text, to, client.decode(), session, key, account, to_account)  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError):
        return Damaged(number)
    return Entry(number, time / 1e6, draft)


def to_past(rows: Iterable[Sequence[Any]]) -> list[Past]:
    """Decode entries as a script returns them, and sort them, oldest first. Empty rows are left out."""
    found = [to_entry(*row) if len(row) == ROW_LENGTH else Damaged(row[0]) for row in rows if row]
    found.sort(key=_id_of)
    return found


def chunks_of(rows: Sequence[T], size_of: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Split rows into chunks of about TURN_BYTES."""
    start = size = 0
    for end, row in enumerate(rows):
        if size > TURN_BYTES:
            yield rows[start:end]
            start, size = end, 0
        size += size_of(row)
    yield rows[start:]


def class_of(draft: Draft) -> str:
    """Return the letter by which scripts know the stream of a draft: presence, a topic, or something else said."""
    return "p" if draft.kind in _PRESENCE else "t" if draft.kind is Kind.TOPIC else "s"


def digest_of(session: str, key: str) -> bytes:
    """Return the digest of a session and key; empty where there is no key."""
    if not key:
        return b""
    words = session.encode(errors="surrogatepass"), key.encode(errors="surrogatepass")
    return blake2b(b"%d %b%b" % (len(words[0]), *words), digest_size=DIGEST_BYTES).digest()


def to_micros(time: float) -> int:
    """Convert seconds to whole microseconds."""
    return round(time * 1e6)


def read_facts(client_id: str, payload: bytes) -> ClientFacts:
    """Decode a node's description of a client. Raises ValueError for what no node writes."""
    facts = decode_told(_decode_facts, payload)
    if facts.id != client_id:
        raise ValueError(f"its id is {facts.id}")
    if not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("its id is none")
    if len({*facts.rooms}) < len(facts.rooms):
        raise ValueError("it is in a room twice")
    if facts.address:
        address_of(facts.address)
    return facts


def decode_told(decode: Callable[[bytes], T], payload: bytes) -> T:
    """Decode the payload of a signal. Raises ValueError, also for one longer than nodes write."""
    check_size(payload, PAYLOAD_BYTES_MAX)
    try:
        return decode(payload)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def check_size(payload: bytes, most: int) -> None:
    """Raise ValueError for a payload that is too long to be decoded."""
    if len(payload) > most:
        raise ValueError(f"it has {len(payload)} bytes, and {most} at most are read")


def check_record(record: object) -> None:
    """Raise ValueError for a network, an address or a key that is none."""
    match record:
        case AccountRecord(keys=keys) if not all(is_blob(key.blob) for key in keys):
            raise ValueError("one of its keys is none")
        case BanRecord(network=network):
            ip_network(network)
        case MuteRecord(network=network) if network:
            ip_network(network)
        case SessionRecord(address=address) if address:
            address_of(address)


def _id_of(past: Past) -> int:
    return past.id


def _checksum(room: str, fields: Sequence[str]) -> int:
    return zlib.crc32("\0".join((room, *fields)).encode(errors="surrogatepass"))
