"""The numbers of messages that wait, as they are counted at the start."""

from pathlib import Path

import pytest

from tests.dependencies import make_dependencies
from trio_chat.chat.chat import Chat
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.waiting import SHARE_MAX
from trio_chat.journal import AccountRecord, AccountStore, Journal, need, open_journal
from trio_chat.journal.sqlite.journal import SqliteTimes, open_sqlite
from trio_chat.server.upkeep.waiting_counts import restore_waiting


def chat_of(journal: Journal) -> Chat:
    return Chat(make_dependencies(journal.post), rules=Rules())


async def leave_messages(journal: Journal, count: int) -> None:
    """Let a guest leave alice messages."""
    await need(journal, AccountStore).keep_account(AccountRecord("a1", "alice", "alice", 1.0, 1.0, "own"))
    told = Draft("@a1", Kind.TOLD, "bob", "hi", "alice", session="f00d", to_account="a1")
    await journal.post(*[told] * count).kept()


async def test_messages_that_wait_in_the_journal_are_counted(tmp_path: Path) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await leave_messages(journal, SHARE_MAX)

        await restore_waiting(chat := chat_of(journal), journal)

    with pytest.raises(ChatError, match="50 messages of yours"):
        chat.waiting.check("a1", "f00d", "alice")
    chat.waiting.check("a1", "beef", "alice")


async def test_where_they_cannot_be_read_in_time_the_server_starts_and_says_so(tmp_path: Path, caplog) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await leave_messages(journal, SHARE_MAX)

    async with open_sqlite(tmp_path / "journal.db", times=SqliteTimes(query_max_s=0)) as journal:
        await restore_waiting(chat := chat_of(journal), journal)

    assert "cannot be counted" in caplog.text
    chat.waiting.check("a1", "f00d", "alice")
