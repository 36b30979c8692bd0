"""Encoding and decoding of records in Redis. Fields that only a newer version knows survive when one is rewritten.

Whatever is read is checked: somebody may have written it by hand.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from trio_chat.chat.session_record import SessionRecord, Told
from trio_chat.journal.records import (
    AccountRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    KeyRecord,
    MarkRecord,
    MemoryRecord,
    MuteRecord,
)
from trio_chat.journal.redis.replies import shown
from trio_chat.journal.redis.rows import PAYLOAD_BYTES_MAX, check_record, check_size

RECORD_BYTES_MAX = 1 << 20
"""Bytes of a record: a mute that spares 10,000 clients takes half of that."""

NAMED_MAX = 5
"""Records of a table that are named in one line of the log."""

REASON_CHARS_MAX = 200
"""Characters of the reason why a record cannot be read, in the log."""

TABLES_MAX = 100
"""Tables whose last line in the log is remembered: there is one of each node's sessions."""

UNKNOWN_BYTES_MAX = 16384
"""Bytes of the unknown fields of a record and of those inside it, as of 300 read marks. With more, none are kept."""

UNKNOWN_TOTAL_BYTES = 32 << 20
"""Bytes of the unknown fields of all records. Beyond that, those that were read first are dropped."""

T = TypeVar("T")

logger = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode

_IDS: Mapping[type[Any], str] = {
    SessionRecord: "owner",
    AccountRecord: "id",
    MemoryRecord: "account",
    BanRecord: "network",
    MuteRecord: "number",
    InviteRecord: "digest",
    HookRecord: "name",
}
"""The field by which a record is known, of those that may be written by one version and rewritten by another."""

PARTS: Mapping[type[Any], Mapping[str, str]] = {
    SessionRecord: {"told": ""},
    AccountRecord: {"keys": "blob"},
    MemoryRecord: {"marks": "room"},
}
"""The fields with records inside, and by which of their fields those are known: "" for a single one."""

_BYTES_MAX: Mapping[type[Any], int] = {SessionRecord: PAYLOAD_BYTES_MAX, MemoryRecord: 1 << 18}
"""Bytes of records that are decoded while somebody waits. The largest memory of a member takes a quarter of that."""

_KINDS: Sequence[type[Any]] = (*_IDS, Told, KeyRecord, MarkRecord)

_FIELDS = {kind: kind.__struct_fields__ for kind in _KINDS}

_Place = tuple[str, object]
"""The name of a field with records inside, and the id of one of those; `("", None)` for the record itself."""


class RecordCodec:
    """Decodes and encodes records. It may be used in several threads."""

    def __init__(self) -> None:
        self._logged: dict[str, str] = {}
        """The last line in the log about a table, by its name."""
        self._unknown_bytes = 0
        self._unknown: dict[tuple[type[Any], object], Mapping[_Place, bytes]] = {}
        """The fields that this version does not know, as they were written, without braces or brackets."""

    def decode(self, table: str, found: Mapping[bytes, bytes], kind: type[T]) -> list[T]:
        """Decode the records in a hash. One that cannot be read is left out, and named in the log."""
        records: list[T] = []
        faults: list[tuple[bytes, Exception]] = []
        decoder = msgspec.json.Decoder(kind)
        most = _BYTES_MAX.get(kind, RECORD_BYTES_MAX)
        for name, value in found.items():
            try:
                check_size(value, most)
                record = decoder.decode(value)
                check_record(record)
                self._note_unknown(record, value)
                records.append(record)
            except (ValueError, RecursionError) as error:
                faults.append((name, error))
        self._log(table, faults)
        return records

    def _log(self, table: str, faults: Sequence[tuple[bytes, Exception]]) -> None:
        """Log the records that cannot be read: one line for a table, and again only when that has changed.

        With a line for each record, one table would use up the lines that the log takes in a while.
        """
        logged = self._logged.pop(table, "")
        if not faults:
            return
        named = [f"{shown(name)} ({str(fault)[:REASON_CHARS_MAX]})" for name, fault in faults[:NAMED_MAX]]
        line = ", ".join(named) + (f" and {len(faults) - NAMED_MAX} others" if len(faults) > NAMED_MAX else "")
        if line != logged:
            logger.error("records in %s cannot be read, and are left out: %s", table, line)
        self._logged[table] = line
        if len(self._logged) > TABLES_MAX:
            del self._logged[next(iter(self._logged))]

    def encode(self, record: msgspec.Struct) -> bytes:
        """Encode a record, with the unknown fields of the one that it replaces."""
        unknown = self._unknown.get(_key_of(record)) if self._unknown else None
        return _with_unknown(record, unknown) if unknown else _encode(record)

    def _note_unknown(self, record: Any, value: bytes) -> None:
        if type(record) not in _IDS:
            return
        key = _key_of(record)
        unknown = {} if value == _encode(record) else _unknown_fields_of(record, value)
        if _size_of(unknown) > UNKNOWN_BYTES_MAX:
            unknown = {}
        self._unknown_bytes += _size_of(unknown) - _size_of(self._unknown.get(key, {}))
        if unknown:
            self._unknown[key] = unknown  # in one step: another thread may be encoding that record
        else:
            self._unknown.pop(key, None)
        while self._unknown_bytes > UNKNOWN_TOTAL_BYTES:
            self._unknown_bytes -= _size_of(self._unknown.pop(next(iter(self._unknown))))


def _size_of(unknown: Mapping[_Place, bytes]) -> int:
    return sum(map(len, unknown.values()))


def _unknown_fields_of(record: Any, value: bytes) -> dict[_Place, bytes]:
    """Return the unknown fields of a record and of those inside it, as they stand in its encoded form."""
    found: dict[_Place, bytes] = {("", None): _unknown_in(type(record), value)}
    fields = _decode_fields(value)
    for name in PARTS.get(type(record), {}).keys() & fields.keys():
        for part, raw in zip(_parts_of(record, name), _raw_parts(fields[name]), strict=False):
            found[_place_of(record, name, part)] = _unknown_in(type(part), raw)
    return {place: unknown for place, unknown in found.items() if unknown}


def _unknown_in(kind: type[Any], value: bytes) -> bytes:
    """Return the fields of an encoded record that this version does not know."""
    if kind.__struct_config__.array_like:
        return b",".join(map(bytes, _decode_items(value)[len(_FIELDS[kind]) :]))
    fields = _decode_fields(value)
    return b",".join(_encode(name) + b":" + bytes(raw) for name, raw in fields.items() if name not in _FIELDS[kind])


def _parts_of(record: Any, name: str) -> Sequence[Any]:
    """Return the records in a field, which has one, several or none."""
    parts = getattr(record, name)
    return parts if isinstance(parts, tuple) else [parts] if parts else []


def _raw_parts(raw: msgspec.Raw) -> Sequence[bytes]:
    text = bytes(raw)
    return [bytes(it) for it in _decode_items(text)] if text.startswith(b"[") else [text]


def _place_of(record: Any, name: str, part: Any) -> _Place:
    return name, getattr(part, PARTS[type(record)][name], None)


def _with_unknown(record: Any, unknown: Mapping[_Place, bytes]) -> bytes:
    """Encode a record, and write unknown fields behind those of it and of the records inside it."""
    encoded = _encode(record)
    if unknown.keys() - {("", None)}:
        fields = _decode_fields(encoded)
        for name in PARTS[type(record)]:
            parts = [
                _written_behind(_encode(part), unknown.get(_place_of(record, name, part), b""))
                for part in _parts_of(record, name)
            ]
            if parts:
                is_many = isinstance(getattr(record, name), tuple)
                fields[name] = msgspec.Raw(b"[" + b",".join(parts) + b"]" if is_many else parts[0])
        encoded = _encode(fields)
    return _written_behind(encoded, unknown.get(("", None), b""))


def _written_behind(encoded: bytes, unknown: bytes) -> bytes:
    return encoded[:-1] + b"," + unknown + encoded[-1:] if unknown else encoded


def _key_of(record: Any) -> tuple[type[Any], object]:
    kind = type(record)
    return kind, getattr(record, _IDS[kind], None) if kind in _IDS else None
