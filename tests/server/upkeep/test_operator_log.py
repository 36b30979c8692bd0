"""The operator log keeps every record, also when the journal fails for a while."""

import sqlite3
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.chat.operators.bans import Ban, Bans
from trio_chat.chat.operators.mutes import Mute, Mutes
from trio_chat.journal import AuditRecord, open_journal
from trio_chat.journal.sqlite.journal import SqliteTimes, open_sqlite
from trio_chat.server.upkeep.operator_log import WAITING_MAX, OperatorLog, read_bans, read_mutes


def ban(network: str) -> Ban:
    return Ban(ip_network(network), "spam", "console", 1.0, 99.0)


async def test_bans_are_there_again_after_a_restart(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "journal.db") as journal, trio.open_nursery() as nursery:
        operator_log = OperatorLog(journal, lambda: 7.0)
        nursery.start_soon(operator_log.run)
        bans = Bans(store=operator_log)
        bans.add(ban("192.0.2.0/24"))
        bans.add(ban("2001:db8::1/128"))
        bans.remove(ip_network("192.0.2.0/24"))
        operator_log.record("console", "kick", "10.0.0.1:47634")
        assert await operator_log.settled(PATIENCE_S)
        nursery.cancel_scope.cancel()

    async with open_sqlite(tmp_path / "journal.db") as journal:
        assert await read_bans(journal) == [ban("2001:db8::1/128")]
        assert await journal.read_audit(9) == [AuditRecord(7.0, "console", "kick", "10.0.0.1:47634", 1)]


async def test_mutes_are_there_again_after_a_restart(tmp_path: Path) -> None:
    spared = frozenset(("c5", "b" * 32))
    client = Mute(0, "alice", ip_network("10.0.0.1/32"), "a" * 32, spared, "spam", "console", 1.0, 99.0)
    elsewhere = Mute(0, "bob", None, "d" * 32, frozenset(), "", "console", 2.0)
    async with open_sqlite(tmp_path / "journal.db") as journal, trio.open_nursery() as nursery:
        operator_log = OperatorLog(journal, lambda: 7.0)
        nursery.start_soon(operator_log.run)
        mutes = Mutes(store=operator_log)
        made, other = mutes.add(client), mutes.add(elsewhere)
        third = mutes.add(Mute(0, "", ip_network("192.0.2.0/24"), "", frozenset(), "", "console", 3.0))
        mutes.change(replace(other, reason="flood"))
        mutes.remove(third)
        assert await operator_log.settled(PATIENCE_S)
        nursery.cancel_scope.cancel()

    async with open_sqlite(tmp_path / "journal.db") as journal:
        # The id of a client without a session is that of somebody else by now.
        assert await read_mutes(journal) == [
            replace(made, spared=frozenset(["b" * 32])),
            replace(other, reason="flood"),
        ]


async def test_a_record_that_cannot_be_kept_takes_effect_is_logged_once_and_is_kept_later(
    tmp_path: Path, logged, nursery: trio.Nursery
) -> None:
    path = tmp_path / "journal.db"
    async with open_sqlite(path, times=SqliteTimes(lock_wait_s=0.01)) as journal:
        operator_log = OperatorLog(journal, lambda: 7.0, retry_s=0.01)
        nursery.start_soon(operator_log.run)
        bans = Bans(store=operator_log)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        bans.add(ban("192.0.2.0/24"))
        bans.add(ban("198.51.100.0/24"))
        operator_log.record("console", "kick", "10.0.0.1:47634")
        with trio.fail_after(PATIENCE_S):
            while operator_log.trouble is None:
                await trio.lowlevel.checkpoint()
        is_kept = await operator_log.settled(0)
        told = [line for line in logged() if "cannot keep" in line]
        other.execute("ROLLBACK")

        assert not is_kept
        assert len(bans.current(2.0)) == 2
        assert told == [
            "cannot keep the ban of 192.0.2.0/24: another program has locked the journal; "
            "it holds until the server ends, and is tried again"
        ]
        assert await operator_log.settled(PATIENCE_S)
        assert operator_log.trouble is None
        assert [one.network for one in await read_bans(journal)] == [one.network for one in bans.current(2.0)]
        assert len(await journal.read_audit(9)) == 1
        other.close()
        nursery.cancel_scope.cancel()


async def test_waiting_for_the_records_so_far_does_not_wait_for_later_ones(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_journal("memory:", data=Path()) as journal:
        operator_log = OperatorLog(journal, lambda: 7.0)
        operator_log.record("console", "kick", "10.0.0.1:47634")
        start = trio.current_time()

        async with trio.open_nursery() as waiting:
            waiting.start_soon(operator_log.settled, PATIENCE_S)
            await trio.testing.wait_all_tasks_blocked()
            operator_log.record("console", "kick", "10.0.0.1:47635")
            nursery.start_soon(operator_log.run)

        assert trio.current_time() == start
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("excess", [0, 1])
async def test_the_queue_is_bounded(tmp_path: Path, logged, excess: int) -> None:
    async with open_sqlite(tmp_path / "journal.db") as journal:
        operator_log = OperatorLog(journal, lambda: 7.0)

        for _ in range(WAITING_MAX + excess):
            operator_log.record("console", "kick", "10.0.0.1:47634")

        assert len([line for line in logged() if "too much waits" in line]) == excess
