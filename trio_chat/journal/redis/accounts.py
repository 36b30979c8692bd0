"""The accounts, invites and memories of a chat in Redis."""

import logging
from collections.abc import Sequence
from typing import cast

from msgspec.structs import replace

from trio_chat.journal.records import (
    AccountRecord,
    InviteRecord,
    InviteSpentError,
    JournalError,
    MemoryRecord,
    NameRecord,
    NameTakenError,
)
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.nodes import RedisNodes
from trio_chat.journal.redis.reader import read_records
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.record_keeper import RecordKeeper
from trio_chat.journal.redis.replies import read_whole, shown

logger = logging.getLogger(__name__)


class RedisAccounts:
    """The part of a journal that keeps accounts: hashes by id, folded name, digest and account."""

    _reads: RedisLink
    _records: RecordKeeper
    _codec: RecordCodec
    nodes: RedisNodes

    async def keep_account(self, account: AccountRecord, *, invite: str = "") -> None:
        """Keep a new account, or a change of the one with its id, and take a use of an invite with it."""
        if await self._keep([(account, None)], stays=False, invite=invite):
            raise NameTakenError(account.name)

    async def load_names(self, names: Sequence[NameRecord], *, keeps_marks: bool) -> list[str]:
        """Add the accounts of another journal. Returns the names that were left out."""
        kept = [
            (account, memory if keeps_marks or not memory else replace(memory, marks=())) for account, memory in names
        ]
        taken = await self._keep(kept, stays=True) if kept else set()
        return [account.name for account, _ in names if account.id in taken]

    async def _keep(self, names: Sequence[NameRecord], *, stays: bool, invite: str = "") -> set[str]:
        """Keep accounts, all in one script. Returns the ids of those whose name belongs to another."""
        arguments: list[str | bytes | int] = [int(stays), invite]
        for account, memory in names:
            arguments += [
                account.id,
                account.folded,
                self._codec.encode(account),
                self._codec.encode(memory) if memory else b"",
            ]
        outcome, *taken = await self._records.keep("accounts", "account", *arguments)
        if invite:
            self.nodes.tell_change("invites")
        if outcome == b"spent":
            raise InviteSpentError
        return {cast(bytes, one).decode() for one in taken}

    async def remove_account(self, account: str) -> None:
        """Delete an account with its memory and its invites, if there is one."""
        await self._records.keep("accounts", "remove_account", account)

    async def read_invites(self) -> list[InviteRecord]:
        """Return all invites, oldest first."""
        uses = await self._reads.fields("invite_uses")
        invites = await read_records(self._reads, self._codec, "invites", InviteRecord, "since", "digest")
        return [replace(it, uses=_uses_in(uses.get(it.digest.encode()), it.digest)) for it in invites]

    async def keep_invite(self, invite: InviteRecord) -> None:
        """Keep an invite, in place of an earlier one with its digest."""
        await self._records.keep("invites", "invite", invite.digest, self._codec.encode(invite), invite.uses)

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite, if there is one."""
        await self._records.keep("invites", "invite", digest, b"", 0)

    async def read_memory(self, account: str) -> MemoryRecord | None:
        """Return what is remembered of an account."""
        found = await self._reads.get_field("memories", account)
        records = self._codec.decode("memories", {account.encode(): found}, MemoryRecord) if found else []
        return records[0] if records else None

    async def keep_memories(self, records: Sequence[MemoryRecord]) -> None:
        """Keep what is remembered of accounts, in place of earlier records."""
        if records:
            fields = {record.account: self._codec.encode(record) for record in records}
            await self._records.set_fields("memories", fields)


def _uses_in(value: bytes | None, digest: str) -> int:
    """Return the uses left of an invite; 0 where the number is damaged, which is logged."""
    try:
        return read_whole(value, f"the number of uses of the invite {shown(digest)}")
    except JournalError as error:
        logger.error("%s", error)
        return 0
