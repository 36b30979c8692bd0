from collections.abc import AsyncIterator

import pytest

from trio_chat.chat.accounts.account import Account, AccountKey, Invite
from trio_chat.chat.errors import ChatError
from trio_chat.journal.memory.journal import MemoryJournal, open_memory
from trio_chat.server.upkeep.account_keeper import JournalAccountKeeper, read_accounts, read_invites

ALICE = Account("a1", "alice", 1.0, 2.0, "own", (AccountKey("k1", 1.5, "file"),), "hash")
LAN = Account("a2", "Ian", 3.0, 4.0, "console")
INVITE = Invite("d1", "", 1, "console", 1.0, 2.0)


@pytest.fixture
async def journal() -> AsyncIterator[MemoryJournal]:
    async with open_memory() as journal:
        yield journal


async def test_accounts_and_invites_come_back_as_they_were(journal: MemoryJournal) -> None:
    keeper = JournalAccountKeeper(journal)

    await keeper.keep_invite(INVITE)
    await keeper.keep_account(ALICE)
    await keeper.keep_account(LAN)

    assert await read_accounts(journal) == [ALICE, LAN]
    assert await read_invites(journal) == [INVITE]
    await keeper.remove_account("a1")
    await keeper.remove_invite("d1")
    assert (await read_accounts(journal), await read_invites(journal)) == ([LAN], [])


@pytest.mark.parametrize(
    ("account", "invite", "code"),
    [(Account("a9", "lan", 1.0, 1.0, "own"), "", "name-claimed"), (ALICE, "unknown", "invite")],
)
async def test_a_refusal_is_told_in_words(journal: MemoryJournal, account: Account, invite: str, code: str) -> None:
    keeper = JournalAccountKeeper(journal)
    await keeper.keep_account(LAN)

    with pytest.raises(ChatError) as raised:
        await keeper.keep_account(account, invite=invite)

    assert raised.value.code == code
    assert await read_accounts(journal) == [LAN]
