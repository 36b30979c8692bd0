"""Records besides entries: bans, mutes, hooks, the audit log and sessions, each kind in a hash or stream of its own."""

from operator import attrgetter

import msgspec
import trio

from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.records import WHOLE_AUDIT, AuditFilter, AuditRecord, BanRecord, HookRecord, MuteRecord
from trio_chat.journal.redis.history import PAGE, read_records
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.nodes import RedisNodes
from trio_chat.journal.redis.rows import decode_records
from trio_chat.journal.redis.scripts import script

encode = msgspec.json.Encoder().encode


class RedisTables:
    """The part of a journal that keeps what operators decide, and reads session records."""

    _reads: RedisLink
    _node: Node
    nodes: RedisNodes

    async def record_audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""
        await self._reads.call(script("audit"), encode(record))

    async def read_audit(self, limit: int, wanted: AuditFilter = WHOLE_AUDIT) -> list[AuditRecord]:
        """Return the newest records that are meant, at most `limit`, oldest first."""
        found: list[AuditRecord] = []
        below = wanted.before
        while len(found) < limit:
            page = await self._reads.newest("audit", below=below, count=PAGE)
            for number, fields in page:
                for record in decode_records("audit", {str(number).encode(): fields.get(b"d", b"")}, AuditRecord):
                    numbered = msgspec.structs.replace(record, id=number)
                    if wanted.fits(numbered):
                        found.append(numbered)
            if len(page) < PAGE:
                break
            below = page[-1][0]
        await trio.lowlevel.checkpoint()
        return found[: max(limit, 0)][::-1]

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        await self._reads.set_fields("bans", {ban.network: encode(ban)})
        self.nodes.tell_change("bans")

    async def remove_ban(self, network: str) -> None:
        """Delete a ban, if there is one."""
        await self._reads.delete_field("bans", network)
        self.nodes.tell_change("bans")

    async def read_bans(self) -> list[BanRecord]:
        """Return all bans, oldest first."""
        records = await read_records(self._reads, "bans", BanRecord)
        return sorted(records, key=attrgetter("since", "network"))

    async def add_hook(self, hook: HookRecord) -> None:
        """Keep a hook, in place of an earlier one of the same name."""
        await self._reads.set_fields("hooks", {hook.name: encode(hook)})
        self.nodes.tell_change("hooks")

    async def remove_hook(self, name: str) -> None:
        """Delete the hook of a name, if there is one."""
        await self._reads.delete_field("hooks", name)
        self.nodes.tell_change("hooks")

    async def read_hooks(self) -> list[HookRecord]:
        """Return all hooks, oldest first."""
        records = await read_records(self._reads, "hooks", HookRecord)
        return sorted(records, key=attrgetter("since", "name"))

    async def add_mute(self, mute: MuteRecord) -> None:
        """Keep a mute, in place of an earlier one with its number."""
        await self._reads.set_fields("mutes", {str(mute.number): encode(mute)})
        self.nodes.tell_change("mutes")

    async def remove_mute(self, number: int) -> None:
        """Delete a mute, if there is one."""
        await self._reads.delete_field("mutes", str(number))
        self.nodes.tell_change("mutes")

    async def read_mutes(self) -> list[MuteRecord]:
        """Return all mutes, oldest first."""
        records = await read_records(self._reads, "mutes", MuteRecord)
        return sorted(records, key=attrgetter("since", "number"))

    async def read_sessions(self) -> list[SessionRecord]:
        """Return the session records of this node, by owner."""
        records = await read_records(self._reads, f"sessions:{self._node.name}", SessionRecord)
        return sorted(records, key=attrgetter("owner"))
