"""The accounts, invites, memories and conversations of a journal in memory."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import attrgetter

import trio
from msgspec.structs import replace

from trio_chat.chat.events import MAILBOX_MARK, Entry
from trio_chat.journal.conversation import is_with, lower
from trio_chat.journal.records import (
    AccountRecord,
    InviteRecord,
    InviteSpentError,
    MemoryRecord,
    NameRecord,
    NameTakenError,
    WaitingRecord,
)
from trio_chat.journal.waiting_senders import waiting_in

_id_of = attrgetter("id")


class MemoryAccounts:
    """The part of a journal in memory that keeps accounts: dicts by id, digest and account."""

    _accounts: dict[str, AccountRecord]
    _invites: dict[str, InviteRecord]
    _memories: dict[str, MemoryRecord]
    _said: dict[str, list[Entry]]

    async def read_accounts(self) -> list[AccountRecord]:
        """Return all accounts, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted(self._accounts.values(), key=attrgetter("since", "id"))

    async def keep_account(self, account: AccountRecord, *, invite: str = "") -> None:
        """Keep a new account, or a change of the one with its id, and take a use of an invite with it."""
        await trio.lowlevel.checkpoint()
        code = self._invites.get(invite)
        if invite and (code is None or code.uses <= 0):
            raise InviteSpentError
        if self._is_taken(account):
            raise NameTakenError(account.name)
        self._accounts[account.id] = account
        if code:
            self._invites[invite] = replace(code, uses=code.uses - 1)

    async def remove_account(self, account: str) -> None:
        """Delete an account with its memory and its invites, if there is one."""
        await trio.lowlevel.checkpoint()
        self._accounts.pop(account, None)
        self._memories.pop(account, None)
        for digest in [it.digest for it in self._invites.values() if it.account == account]:
            del self._invites[digest]

    async def read_invites(self) -> list[InviteRecord]:
        """Return all invites, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted(self._invites.values(), key=attrgetter("since", "digest"))

    async def keep_invite(self, invite: InviteRecord) -> None:
        """Keep an invite, in place of an earlier one with its digest."""
        await trio.lowlevel.checkpoint()
        self._invites[invite.digest] = invite

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite, if there is one."""
        await trio.lowlevel.checkpoint()
        self._invites.pop(digest, None)

    async def read_memory(self, account: str) -> MemoryRecord | None:
        """Return what is remembered of an account."""
        await trio.lowlevel.checkpoint()
        return self._memories.get(account)

    async def keep_memories(self, records: Sequence[MemoryRecord]) -> None:
        """Keep what is remembered of accounts, in place of earlier records."""
        await trio.lowlevel.checkpoint()
        self._memories.update((record.account, record) for record in records)

    async def read_names(self) -> list[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first."""
        return [(account, self._memories.get(account.id)) for account in await self.read_accounts()]

    async def load_names(self, names: Sequence[NameRecord], *, keeps_marks: bool) -> list[str]:
        """Add the accounts of another journal. Returns the names that were left out."""
        await trio.lowlevel.checkpoint()
        refused: list[str] = []
        known = {*self._accounts}
        for account, memory in names:
            if account.id in known:
                continue
            if self._is_taken(account):
                refused.append(account.name)
                continue
            self._accounts[account.id] = account
            if memory:
                self._memories[account.id] = memory if keeps_marks else replace(memory, marks=())
        return refused

    async def conversation(
        self,
        mailbox: str,
        *,
        account: str = "",
        name: str = "",
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Entry]:
        """Return the private messages in a mailbox to and from one other, oldest first."""
        await trio.lowlevel.checkpoint()
        entries = self._said.get(mailbox, [])
        first = 0 if after is None else bisect_right(entries, after, key=_id_of)
        end = len(entries) if before is None else bisect_left(entries, before, key=_id_of)
        indexes = range(first, end) if after is not None else range(end - 1, first - 1, -1)
        found = (entries[at] for at in indexes if is_with(entries[at].draft, account, lower(name)))
        wanted = list(islice(found, max(limit, 0)))
        return wanted if after is not None else wanted[::-1]

    async def count_news(self, marks: Mapping[str, int], *, most: int = 1000) -> dict[str, int]:
        """Count what was said in rooms and mailboxes above an id each."""
        await trio.lowlevel.checkpoint()
        said = {room: self._said.get(room, []) for room in marks}
        return {
            room: min(most, len(said[room]) - bisect_right(said[room], mark, key=_id_of))
            for room, mark in marks.items()
        }

    async def count_waiting(self, *, per_account: int, most: int) -> list[WaitingRecord]:
        """Count the private messages from others above the read mark of each account's mailbox, by sender."""
        await trio.lowlevel.checkpoint()
        found: list[WaitingRecord] = []
        for account in self._accounts:
            memory, entries = self._memories.get(account), self._said.get(MAILBOX_MARK + account, [])
            first = bisect_right(entries, memory.mailbox_mark, key=_id_of) if memory else 0
            looked_at = entries[first : first + min(per_account, most)]
            most -= len(looked_at)
            found += waiting_in(account, looked_at)
        return found

    def _is_taken(self, account: AccountRecord) -> bool:
        return any(it.folded == account.folded and it.id != account.id for it in self._accounts.values())
