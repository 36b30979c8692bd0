"""Records as they stand in Redis, and back. Fields that only a newer version knows are kept where one is rewritten.

Whatever is read is checked: somebody may have written it by hand.
"""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.records import (
    AccountRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    MemoryRecord,
    MuteRecord,
)
from trio_chat.journal.redis.replies import shown
from trio_chat.journal.redis.rows import PAYLOAD_BYTES_MAX, check_addresses, check_size

RECORD_BYTES_MAX = 1 << 20
"""Of a record, but for those of sessions: a mute that spares 10,000 clients takes half of that."""

NAMED_MAX = 5
"""Records of a table that cannot be read and are named in the log one by one."""

FOREIGN_BYTES_MAX = 4096
"""Of the foreign fields of a record; those of a record that has more are not kept."""

FOREIGN_TOTAL_BYTES = 32 << 20
"""Of the foreign fields of all records, beyond which those that were met first are not kept."""

T = TypeVar("T")

logger = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

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

_FIELDS = {kind: frozenset(kind.__struct_fields__) for kind in _IDS}


class RecordCodec:
    """Decodes and encodes records. It may be used in several threads."""

    def __init__(self) -> None:
        self._foreign_bytes = 0
        self._foreign: dict[tuple[type[Any], object], bytes] = {}
        """The fields that this version does not know, as they were written, without braces."""

    def decode(self, table: str, found: Mapping[bytes, bytes], kind: type[T]) -> list[T]:
        """Decode the records in a hash. One that cannot be read is left out, and named in the log."""
        records: list[T] = []
        faults: list[tuple[bytes, Exception]] = []
        decoder = msgspec.json.Decoder(kind)
        most = PAYLOAD_BYTES_MAX if kind is SessionRecord else RECORD_BYTES_MAX
        for name, value in found.items():
            try:
                check_size(value, most)
                record = decoder.decode(value)
                check_addresses(record)
                self._note_foreign(record, value)
                records.append(record)
            except (ValueError, RecursionError) as error:
                faults.append((name, error))
        for name, fault in faults[:NAMED_MAX]:
            logger.error("the record %s in %s cannot be read, and is left out: %s", shown(name), table, fault)
        if len(faults) > NAMED_MAX:
            logger.error("nor can %d other records in %s be read", len(faults) - NAMED_MAX, table)
        return records

    def encode(self, record: msgspec.Struct) -> bytes:
        """Encode a record, with the foreign fields of the one that it replaces."""
        encoded = _encode(record)
        foreign = self._foreign.get(_key_of(record)) if self._foreign else None
        return encoded[:-1] + b"," + foreign + b"}" if foreign else encoded

    def _note_foreign(self, record: Any, value: bytes) -> None:
        kind = type(record)
        if kind not in _IDS:
            return
        fields = _decode_fields(value)
        foreign = b",".join(
            _encode(name) + b":" + bytes(raw) for name, raw in fields.items() if name not in _FIELDS[kind]
        )
        key = _key_of(record)
        if not 0 < len(foreign) <= FOREIGN_BYTES_MAX:
            self._foreign_bytes -= len(self._foreign.pop(key, b""))
            return
        self._foreign_bytes += len(foreign) - len(self._foreign.get(key, b""))
        self._foreign[key] = foreign  # in one step: another thread may be encoding that record
        while self._foreign_bytes > FOREIGN_TOTAL_BYTES:
            self._foreign_bytes -= len(self._foreign.pop(next(iter(self._foreign))))


def _key_of(record: Any) -> tuple[type[Any], object]:
    kind = type(record)
    return kind, getattr(record, _IDS[kind], None) if kind in _IDS else None
