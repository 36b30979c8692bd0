"""Signals between nodes: what is told meanwhile, and how many wait."""

from pathlib import Path

import trio
import trio.testing

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import opened, said
from tests.redis_server import RedisServer
from trio_chat.journal.redis.journal import RedisJournal
from trio_chat.journal.redis.nodes import UNREAD_MAX
from trio_chat.journal.redis.signals import SIGNALS_MAX

SIGNALS = "{trio-chat}:signals"

MANY = """
for number = 1, tonumber(ARGV[1]) do
    local id = redis.call('HINCRBY', '{trio-chat}:meta', 'signals', 1)
    redis.call('XADD', KEYS[1], id .. '-0', 'n', 'hand', 'k', '?', 'i', '', 'd', '')
end
"""


async def until_told(server: RedisServer, count: int) -> None:
    with trio.fail_after(PATIENCE_S):
        while server.ask("XRANGE", SIGNALS, "-", "+").count(b"\r\nbans\r\n") < count:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def until_reading(server: RedisServer, journal: RedisJournal) -> None:
    """Send signals until one is read: its reader may begin behind what was sent before."""
    with trio.fail_after(PATIENCE_S):
        while not journal.nodes._incoming:
            server.ask("EVAL", MANY, "1", SIGNALS, "1")
            await trio.sleep(0.01)


async def test_a_change_while_the_one_before_is_being_told_is_told_too(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("CLIENT", "PAUSE", "400", "WRITE")
        journal.nodes.tell_change("bans")
        await trio.sleep(0.2)  # it is on its way to Redis, which does not answer yet

        journal.nodes.tell_change("bans")

        await until_told(server, 2)


async def test_a_change_that_is_told_soon_is_told_once(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        for table in ("bans", "bans", "mutes"):
            journal.nodes.tell_change(table)

        await until_told(server, 1)
        with trio.fail_after(PATIENCE_S):
            while b"mutes" not in server.ask("XRANGE", SIGNALS, "-", "+"):  # noqa: ASYNC110
                await trio.sleep(0.01)
        assert server.ask("XRANGE", SIGNALS, "-", "+").count(b"\r\nbans\r\n") == 1


async def test_a_node_that_cannot_obey_yet_holds_no_more_signals_than_some(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        await journal.post(said("a")).kept()
        await until_reading(server, journal)  # from here on it misses none

        server.ask("EVAL", MANY, "1", SIGNALS, "5000")
        with trio.fail_after(PATIENCE_S):
            while len(journal.nodes._incoming) < UNREAD_MAX:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await trio.sleep(0.2)

        assert len(journal.nodes._incoming) < UNREAD_MAX + SIGNALS_MAX


async def test_a_number_that_was_written_by_hand_keeps_nobody_from_telling(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("XADD", SIGNALS, "*", "n", "hand")

        journal.nodes.tell_change("bans")

        await until_told(server, 1)
