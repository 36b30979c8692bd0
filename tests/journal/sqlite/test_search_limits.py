"""The time limits of searches and other queries, and what they leave to others."""

import sqlite3
import threading
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.conftest import PATIENCE_S
from trio_chat.chat.events import Draft, Kind
from trio_chat.journal import SearchError, UnavailableError
from trio_chat.journal.sqlite.journal import LOG_PAGES_MAX, SqliteJournal, SqliteTimes, open_sqlite
from trio_chat.journal.sqlite.search_lanes import QUICK_MAX, SLOW_WAITING_MAX
from trio_chat.journal.sqlite.time_limit import TimeLimit

NO_QUICK_ONES = SqliteTimes(quick_search_s=0, slow_search_s=PATIENCE_S)
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def keep(journal: SqliteJournal, *texts: str) -> None:
    for receipt in [journal.post(Draft("lobby", Kind.SAID, "alice", text)) for text in texts]:
        await receipt.kept()


def run_endless(time_limit: TimeLimit) -> None:
    with closing(sqlite3.connect(":memory:")) as db, time_limit.on(db):
        db.execute(ENDLESS)


async def test_a_search_that_needs_longer_than_it_may_is_refused_with_what_to_do(path: Path) -> None:
    async with open_sqlite(path, times=SqliteTimes(quick_search_s=0, slow_search_s=0)) as journal:
        await keep(journal, "hello")

        with pytest.raises(SearchError, match=r"^too much to look through: say more$"):
            await journal.search(["lobby"], "hello", limit=9)


async def test_a_search_that_is_not_quick_is_answered_behind_those_that_are(path: Path) -> None:
    async with open_sqlite(path, times=NO_QUICK_ONES) as journal:
        await keep(journal, "hello")

        [found] = await journal.search(["lobby"], "hello", limit=9)

        assert found.draft.text == "hello"


async def test_c20_slow_searches_delay_neither_quick_ones_nor_pages(path: Path, nursery: trio.Nursery) -> None:
    async with open_sqlite(path, times=SqliteTimes(quick_search_s=PATIENCE_S)) as journal:
        await keep(journal, "hello")
        await journal._search_lanes.slow.acquire_on_behalf_of("one that takes its time")

        with trio.fail_after(PATIENCE_S):
            found = await journal.search(["lobby"], "hello", limit=9)
            page = await journal.read("lobby", limit=9)

        assert list(found) == list(page) != []


async def test_of_slow_searches_only_a_few_wait(path: Path, nursery: trio.Nursery) -> None:
    async with open_sqlite(path, times=NO_QUICK_ONES) as journal:
        await keep(journal, "hello")
        await journal._search_lanes.slow.acquire_on_behalf_of("one that takes its time")
        for _ in range(SLOW_WAITING_MAX):
            nursery.start_soon(lambda: journal.search(["lobby"], "hello", limit=9))
        with trio.fail_after(PATIENCE_S):
            while journal._search_lanes.slow.statistics().tasks_waiting < SLOW_WAITING_MAX:
                await trio.lowlevel.checkpoint()

            with pytest.raises(SearchError):
                await journal.search(["lobby"], "hello", limit=9)
        nursery.cancel_scope.cancel()


async def test_a_search_comes_before_those_of_others_who_searched_lately(path: Path, nursery: trio.Nursery) -> None:
    async with open_sqlite(path) as journal:
        await keep(journal, "hello")
        lanes, order = journal._search_lanes, list[str]()

        async def ask(asker: str) -> None:
            await journal.search(["lobby"], "hello", limit=9, asker=asker)
            order.append(asker)

        await ask("often")
        order.clear()
        async with AsyncExitStack() as others, trio.open_nursery() as askers:
            for number in range(QUICK_MAX - 1):
                await others.enter_async_context(lanes.turns.turn(number))
            async with lanes.turns.turn("one more"):
                for waiting, asker in enumerate(("often", "often", "rarely"), 1):
                    askers.start_soon(ask, asker)
                    with trio.fail_after(PATIENCE_S):
                        while lanes.turns.waiting < waiting:
                            await trio.lowlevel.checkpoint()

        assert order == ["rarely", "often", "often"]


async def test_a_long_log_is_restarted_before_another_search_begins(path: Path, nursery: trio.Nursery) -> None:
    async with open_sqlite(path, times=SqliteTimes(quick_search_s=PATIENCE_S)) as journal:
        for number in range(200):
            await keep(journal, f"hello {number}")
        journal._store.log_pages = LOG_PAGES_MAX
        await journal._search_lanes.slow.acquire_on_behalf_of("one that takes its time")
        answered = trio.Event()

        async def ask() -> None:
            await journal.search(["lobby"], "hello", limit=9)
            answered.set()

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not answered.is_set()

        journal._search_lanes.slow.release_on_behalf_of("one that takes its time")
        with trio.fail_after(PATIENCE_S):
            await answered.wait()
        await keep(journal, "bye")
        with closing(sqlite3.connect(path)) as other:
            _, pages, _ = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert pages < 200


async def test_a_query_other_than_a_search_is_bounded_too(path: Path) -> None:
    async with open_sqlite(path, times=SqliteTimes(query_max_s=0)) as journal:
        for query in (
            lambda: journal.read("lobby", limit=9),
            lambda: journal.find("s", "k"),
            lambda: journal.read_audit(9),
        ):
            with pytest.raises(UnavailableError, match="too long"):
                await query()


async def test_c20_a_query_whose_asker_is_cancelled_ends(path: Path, nursery: trio.Nursery) -> None:
    async with open_sqlite(path) as journal:
        asking = trio.CancelScope()

        async def ask() -> None:
            with asking:
                await journal._run_query(run_endless, max_s=float("inf"))

        nursery.start_soon(ask)
        with trio.fail_after(PATIENCE_S):
            while not journal._reads.borrowed_tokens:
                await trio.lowlevel.checkpoint()
            asking.cancel()
            while journal._reads.borrowed_tokens:
                await trio.lowlevel.checkpoint()

        assert asking.cancelled_caught


def test_a_query_ends_when_its_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        run_endless(TimeLimit(0.001))


def test_a_connection_is_free_of_the_limit_of_an_earlier_query() -> None:
    time_limit = TimeLimit(PATIENCE_S)
    with closing(sqlite3.connect(":memory:")) as db:
        with time_limit.on(db):
            db.execute("SELECT 1")
        time_limit.cancel()

        counted = db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT max(i) FROM n"
        )

        assert counted.fetchone() == (50000,)


def test_a_limit_is_cancelled_from_any_thread() -> None:
    time_limit = TimeLimit(PATIENCE_S)
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(TimeoutError):
            run_endless(time_limit)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    time_limit.cancel()

    assert ended.wait(PATIENCE_S)
