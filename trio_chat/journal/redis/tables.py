"""Records besides entries: bans, mutes, hooks, the audit log and sessions, each kind in a hash or stream of its own."""

from typing import NoReturn

import msgspec
import trio

from trio_chat.chat.operators.bans import BANS_LIMIT
from trio_chat.chat.operators.hooks import HOOKS_LIMIT
from trio_chat.chat.operators.mutes import MUTES_LIMIT
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.records import (
    WHOLE_AUDIT,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    MuteRecord,
    TooManyError,
)
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.nodes import RedisNodes
from trio_chat.journal.redis.reader import PAGE, read_records
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.record_keeper import RecordKeeper


class RedisTables:
    """The part of a journal that keeps what operators decide, and reads session records."""

    _reads: RedisLink
    _records: RecordKeeper
    _codec: RecordCodec
    _node: Node
    _mute_numbers: dict[int, int]
    """The numbers of mutes that were kept under others than the chat here knows yet."""
    nodes: RedisNodes

    async def record_audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""
        await self._records.keep("", "audit", self._codec.encode(record), self._node.name)

    async def read_audit(self, limit: int, wanted: AuditFilter = WHOLE_AUDIT) -> list[AuditRecord]:
        """Return the newest records that match the filter, at most `limit`, oldest first."""
        found: list[AuditRecord] = []
        below = wanted.before
        while len(found) < limit:
            page = await self._reads.newest("audit", below=below, count=PAGE)
            for number, fields in page:
                for record in self._codec.decode("audit", {str(number).encode(): fields.get(b"d", b"")}, AuditRecord):
                    numbered = msgspec.structs.replace(record, id=number)
                    if wanted.matches(numbered):
                        found.append(numbered)
            if len(page) < PAGE:
                break
            below = page[-1][0]
        await trio.lowlevel.checkpoint()
        return found[: max(limit, 0)][::-1]

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        await self._restrict("bans", ban.network, self._codec.encode(ban), most=BANS_LIMIT)

    async def remove_ban(self, network: str) -> None:
        """Delete a ban, if there is one."""
        await self._records.delete_field("bans", network)

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, oldest first."""
        return await read_records(self._reads, self._codec, "bans", BanRecord, "since", "network")

    async def add_hook(self, hook: HookRecord) -> None:
        """Keep a hook, in place of an earlier one of the same name."""
        await self._restrict("hooks", hook.name, self._codec.encode(hook), most=HOOKS_LIMIT)

    async def remove_hook(self, name: str) -> None:
        """Delete the hook of a name, if there is one."""
        await self._records.delete_field("hooks", name)

    async def read_hooks(self) -> list[HookRecord]:
        """Return all hooks, oldest first."""
        return await read_records(self._reads, self._codec, "hooks", HookRecord, "since", "name")

    async def add_mute(self, mute: MuteRecord) -> None:
        """Keep a mute, in place of an earlier one with its number.

        Where another node has given that number to another mute, it gets another, and all mutes are read again.
        """
        number = self._mute_numbers.get(mute.number, mute.number)
        record = self._codec.encode(msgspec.structs.replace(mute, number=number))
        kept = await self._records.keep("mutes", "mute", number, record, MUTES_LIMIT)
        if not kept:
            self._refuse("mutes", MUTES_LIMIT)
        if kept != mute.number:
            self._mute_numbers[mute.number] = kept
            self.nodes.read_again("mutes")

    async def remove_mute(self, number: int) -> None:
        """Delete a mute, if there is one."""
        await self._records.delete_field("mutes", str(self._mute_numbers.get(number, number)))

    async def read_mutes(self) -> list[MuteRecord]:
        """Return all mutes, oldest first."""
        records = await read_records(self._reads, self._codec, "mutes", MuteRecord, "since", "number")
        self._mute_numbers.clear()  # whoever reads them knows them by the numbers under which they are kept
        return records

    async def _restrict(self, table: str, field: str, record: bytes, *, most: int) -> None:
        """Keep a record of which there are at most some on all nodes. Raises TooManyError."""
        if await self._records.keep(table, "restrict", table, field, record, most) == b"full":
            self._refuse(table, most)

    def _refuse(self, table: str, most: int) -> NoReturn:
        self.nodes.read_again(table)
        raise TooManyError(f"there are {most} {table} already, with those of other servers")

    async def read_sessions(self) -> list[SessionRecord]:
        """Return the session records of this node, by owner."""
        return await read_records(self._reads, self._codec, f"sessions:{self._node.name}", SessionRecord, "owner")
