"""Reading what other servers have changed: trouble with that has one line in the log."""

from pathlib import Path
from typing import Any, cast

import pytest
import trio
import trio.testing

from trio_chat.chat.operators.hooks import Hooks
from trio_chat.journal import HookRecord, JournalError, open_journal
from trio_chat.server.upkeep.node_delegate import RETRY_S, ChatNodeDelegate
from trio_chat.server.upkeep.operator_log import OperatorLog


async def test_a_table_that_cannot_be_read_for_long_is_logged_once_and_not_where_the_journal_has_a_fault(
    tmp_path: Path,
    autojump_clock: trio.testing.MockClock,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_journal("memory:", data=tmp_path) as journal:
        error: str | None = "Redis does not answer"
        read = 0

        async def read_hooks() -> list[HookRecord]:
            nonlocal read
            await trio.lowlevel.checkpoint()
            if error:
                raise JournalError(error)
            read += 1
            return []

        monkeypatch.setattr(journal, "read_hooks", read_hooks)
        log = OperatorLog(journal, lambda: 0.0)

        class Acting:
            hooks = Hooks(cast(Any, None))

        orders = ChatNodeDelegate(
            cast(Any, None),
            journal,
            cast(Any, Acting()),
            cast(Any, None),
            log,
            origin_of=lambda _address: 0,
            notify=lambda _client, _notice: None,
        )
        nursery.start_soon(orders.run)
        journal.fault = "it is down"
        orders.reread("hooks")
        await trio.sleep(20 * RETRY_S)
        assert caplog.messages == []

        journal.fault = None
        for times in (1, 2):
            error = "Redis does not answer"
            orders.reread("hooks")
            await trio.sleep(20 * RETRY_S)
            assert len([it for it in caplog.messages if "cannot read the hooks" in it]) == times
            error = None
            await trio.sleep(5 * RETRY_S)
            assert read == times
        nursery.cancel_scope.cancel()
