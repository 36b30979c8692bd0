"""Accounts and invites in the journal: the domain's values to its records, and back."""

from collections.abc import Sequence
from typing import cast

from trio_chat.chat.accounts.account import Account, AccountKey, Invite, KeySource
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import fold_name
from trio_chat.journal import (
    AccountRecord,
    AccountStore,
    InviteRecord,
    InviteSpentError,
    Journal,
    KeyRecord,
    NameTakenError,
    need,
)
from trio_chat.server.upkeep.records import values_of


class JournalAccountKeeper:
    """The keeper of accounts that a journal is. All methods raise JournalError."""

    def __init__(self, journal: Journal) -> None:
        self._store = need(journal, AccountStore)

    async def keep_account(self, account: Account, *, invite: str = "") -> None:
        """Keep an account, and take a use of the invite with this digest. Raises ChatError."""
        try:
            await self._store.keep_account(_record_of(account), invite=invite)
        except NameTakenError as error:
            raise ChatError("name-claimed", f"the name [{account.name}] belongs to somebody") from error
        except InviteSpentError as error:
            raise ChatError("invite", str(error)) from error

    async def remove_account(self, account: str) -> None:
        """Delete an account, its memory and its invites."""
        await self._store.remove_account(account)

    async def keep_invite(self, invite: Invite) -> None:
        """Keep an invite."""
        record = InviteRecord(invite.digest, invite.account, invite.uses, invite.by, invite.since, invite.until)
        await self._store.keep_invite(record)

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite."""
        await self._store.remove_invite(digest)


async def read_accounts(journal: Journal) -> Sequence[Account]:
    """Return the accounts in the journal, oldest first. Raises JournalError."""
    return await values_of(await need(journal, AccountStore).read_accounts(), _account_of)


async def read_invites(journal: Journal) -> Sequence[Invite]:
    """Return the invites in the journal, oldest first. Raises JournalError."""
    return [
        Invite(record.digest, record.account, record.uses, record.by, record.since, record.until)
        for record in await need(journal, AccountStore).read_invites()
    ]


def _record_of(account: Account) -> AccountRecord:
    keys = tuple(KeyRecord(key.blob, key.added, key.source) for key in account.keys)
    return AccountRecord(
        account.id,
        account.name,
        fold_name(account.name),
        account.since,
        account.seen,
        account.by,
        account.password,
        keys,
    )


def _account_of(record: AccountRecord) -> Account:
    keys = tuple(AccountKey(key.blob, key.added, cast(KeySource, key.source)) for key in record.keys)
    return Account(record.id, record.name, record.since, record.seen, record.by, keys, record.password)
