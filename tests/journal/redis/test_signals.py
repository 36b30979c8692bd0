"""Signals between nodes: what is told meanwhile, and how many wait."""

from pathlib import Path

import pytest
import trio
import trio.testing

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import opened, said
from tests.journal.redis.recording_delegate import RecordingDelegate
from tests.redis_server import RedisServer
from trio_chat.journal.redis.journal import RedisJournal
from trio_chat.journal.redis.node_watch import ADOPTED_BYTES
from trio_chat.journal.redis.nodes import UNREAD_MAX
from trio_chat.journal.redis.rows import PAYLOAD_BYTES_MAX
from trio_chat.journal.redis.signals import SIGNALS_MAX

SIGNALS = "{trio-chat}:signals"

MANY = """
for number = 1, tonumber(ARGV[1]) do
    local id = redis.call('HINCRBY', '{trio-chat}:meta', 'signals', 1)
    redis.call('XADD', KEYS[1], id .. '-0', 'n', 'hand', 'k', '?', 'i', '', 'd', '')
end
"""


ORDER = """
for _, payload in ipairs({unpack(ARGV, 2)}) do
    local id = redis.call('HINCRBY', '{trio-chat}:meta', 'signals', 1)
    redis.call('XADD', KEYS[1], id .. '-0', 'n', 'hand', 'k', 'e', 'i', ARGV[1], 'd', payload)
end
"""

NO_ORDERS = (
    '["c11","kicked","KICKED","bye",' + "[" * 20_000,
    '["c11","kicked","KICKED","' + "x" * PAYLOAD_BYTES_MAX + '"]',
    '["c11","kicked","KICKED","\\u001b[2J"]',
)


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


async def test_orders_that_no_node_gives_are_left_out_and_end_nothing(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server, tmp_path) as journal:
        ended: list[str] = []
        is_ended = trio.Event()

        class Ending(RecordingDelegate):
            def end_client(self, *rest: object) -> None:
                ended.append(str(rest[-1]))
                is_ended.set()

        await until_reading(server, journal)
        journal.nodes.attach(Ending())

        server.ask("EVAL", ORDER, "1", SIGNALS, journal.nodes.name, *NO_ORDERS, '["c11","kicked","KICKED","bye"]')

        with trio.fail_after(PATIENCE_S):
            await is_ended.wait()
    assert ended == ["bye"]
    assert caplog.text.count("an order of the node 'hand' cannot be read") == len(NO_ORDERS)


async def test_a_number_that_was_written_by_hand_keeps_nobody_from_telling(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        server.ask("XADD", SIGNALS, "*", "n", "hand")

        journal.nodes.tell_change("bans")

        await until_told(server, 1)


async def test_few_sessions_are_taken_over_at_once_where_they_are_large(server: RedisServer, tmp_path: Path) -> None:
    sessions = "{trio-chat}:sessions:gone"
    sizes = [ADOPTED_BYTES // 3] * 4 + [2 * ADOPTED_BYTES]
    for number, size in enumerate(sizes):
        server.ask("HSET", sessions, f"o{number}", str(number) * size)
    server.ask("SADD", "{trio-chat}:nodes", "gone")
    adopted: list[bytes] = []
    async with opened(server, tmp_path) as journal:
        nodes, pages = journal.nodes, 0
        has_more = b"1"
        while has_more == b"1":
            most = 50, ADOPTED_BYTES
            answer, has_more, _, *page = await nodes._calls.call("adopt", "gone", *most)
            assert answer == b"ok"
            assert len(page) == 1 or sum(map(len, page)) <= ADOPTED_BYTES
            adopted += page
            pages += 1

    assert sorted(map(len, adopted)) == sorted(sizes)
    assert pages >= 3
