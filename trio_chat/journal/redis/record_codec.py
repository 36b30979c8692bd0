"""Records as they stand in Redis, and back. Fields that only a newer version knows are kept where one is rewritten.

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
"""Of a record: a mute that spares 10,000 clients takes half of that."""

NAMED_MAX = 5
"""Records of a table that cannot be read and are named in the log."""

REASON_CHARS_MAX = 200
"""Of the reason why a record cannot be read, in the log."""

TABLES_MAX = 100
"""Tables of which is remembered what the log says of them: there is one of each node's sessions."""

FOREIGN_BYTES_MAX = 16384
"""Of the foreign fields of a record and of those inside it, as of 300 read marks. Of one with more none are kept."""

FOREIGN_TOTAL_BYTES = 32 << 20
"""Of the foreign fields of all records, beyond which those that were met first are not kept."""

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
"""Of records that are decoded while somebody waits. The largest memory of a member takes a quarter of that."""

_KINDS: Sequence[type[Any]] = (*_IDS, Told, KeyRecord, MarkRecord)

_FIELDS = {kind: kind.__struct_fields__ for kind in _KINDS}

_Place = tuple[str, object]
"""A field with records inside, and the one of those; `("", None)` for the record itself."""


class RecordCodec:
    """Decodes and encodes records. It may be used in several threads."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        """The names of records that cannot be read, as the log has them, by table."""
        self._foreign_bytes = 0
        self._foreign: dict[tuple[type[Any], object], Mapping[_Place, bytes]] = {}
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
                self._note_foreign(record, value)
                records.append(record)
            except (ValueError, RecursionError) as error:
                faults.append((name, error))
        self._tell(table, faults)
        return records

    def _tell(self, table: str, faults: Sequence[tuple[bytes, Exception]]) -> None:
        """Name records that cannot be read in the log: one line for a table, and again only when that has changed.

        With a line for each, those of one table would be all that the log takes in a while.
        """
        told = self._told.pop(table, "")
        if not faults:
            return
        named = [f"{shown(name)} ({str(fault)[:REASON_CHARS_MAX]})" for name, fault in faults[:NAMED_MAX]]
        line = ", ".join(named) + (f" and {len(faults) - NAMED_MAX} others" if len(faults) > NAMED_MAX else "")
        if line != told:
            logger.error("records in %s cannot be read, and are left out: %s", table, line)
        self._told[table] = line
        if len(self._told) > TABLES_MAX:
            del self._told[next(iter(self._told))]

    def encode(self, record: msgspec.Struct) -> bytes:
        """Encode a record, with the foreign fields of the one that it replaces."""
        foreign = self._foreign.get(_key_of(record)) if self._foreign else None
        return _with_foreign(record, foreign) if foreign else _encode(record)

    def _note_foreign(self, record: Any, value: bytes) -> None:
        if type(record) not in _IDS:
            return
        key = _key_of(record)
        foreign = {} if value == _encode(record) else _foreign_in(record, value)
        if _size_of(foreign) > FOREIGN_BYTES_MAX:
            foreign = {}
        self._foreign_bytes += _size_of(foreign) - _size_of(self._foreign.get(key, {}))
        if foreign:
            self._foreign[key] = foreign  # in one step: another thread may be encoding that record
        else:
            self._foreign.pop(key, None)
        while self._foreign_bytes > FOREIGN_TOTAL_BYTES:
            self._foreign_bytes -= _size_of(self._foreign.pop(next(iter(self._foreign))))


def _size_of(foreign: Mapping[_Place, bytes]) -> int:
    return sum(map(len, foreign.values()))


def _foreign_in(record: Any, value: bytes) -> dict[_Place, bytes]:
    """Return the foreign fields of a record and of those inside it, as they stand in its encoded form."""
    found: dict[_Place, bytes] = {("", None): _unknown_in(type(record), value)}
    fields = _decode_fields(value)
    for name in PARTS.get(type(record), {}).keys() & fields.keys():
        for part, raw in zip(_parts_of(record, name), _raw_parts(fields[name]), strict=False):
            found[_place_of(record, name, part)] = _unknown_in(type(part), raw)
    return {place: foreign for place, foreign in found.items() if foreign}


def _unknown_in(kind: type[Any], value: bytes) -> bytes:
    """Return the fields of an encoded record that this version does not know."""
    if kind.__struct_config__.array_like:
        return b",".join(map(bytes, _decode_items(value)[len(_FIELDS[kind]) :]))
    fields = _decode_fields(value)
    return b",".join(_encode(name) + b":" + bytes(raw) for name, raw in fields.items() if name not in _FIELDS[kind])


def _parts_of(record: Any, name: str) -> Sequence[Any]:
    """Return the records in a field: of those that are one or none, too."""
    parts = getattr(record, name)
    return parts if isinstance(parts, tuple) else [parts] if parts else []


def _raw_parts(raw: msgspec.Raw) -> Sequence[bytes]:
    text = bytes(raw)
    return [bytes(it) for it in _decode_items(text)] if text.startswith(b"[") else [text]


def _place_of(record: Any, name: str, part: Any) -> _Place:
    return name, getattr(part, PARTS[type(record)][name], None)


def _with_foreign(record: Any, foreign: Mapping[_Place, bytes]) -> bytes:
    """Encode a record, and write foreign fields behind those of it and of the records inside it."""
    encoded = _encode(record)
    if foreign.keys() - {("", None)}:
        fields = _decode_fields(encoded)
        for name in PARTS[type(record)]:
            parts = [
                _written_behind(_encode(part), foreign.get(_place_of(record, name, part), b""))
                for part in _parts_of(record, name)
            ]
            if parts:
                is_many = isinstance(getattr(record, name), tuple)
                fields[name] = msgspec.Raw(b"[" + b",".join(parts) + b"]" if is_many else parts[0])
        encoded = _encode(fields)
    return _written_behind(encoded, foreign.get(("", None), b""))


def _written_behind(encoded: bytes, foreign: bytes) -> bytes:
    return encoded[:-1] + b"," + foreign + encoded[-1:] if foreign else encoded


def _key_of(record: Any) -> tuple[type[Any], object]:
    kind = type(record)
    return kind, getattr(record, _IDS[kind], None) if kind in _IDS else None
