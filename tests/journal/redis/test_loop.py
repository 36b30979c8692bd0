"""The loop of a server is never held for long by what it writes to Redis."""

from pathlib import Path

from tests.journal.redis.opened import node_of, opened, said, texts
from tests.loop_watch import HELD_S, longest_hold
from tests.redis_server import RedisServer
from trio_chat.journal.batch import Batch
from trio_chat.journal.redis.appending import arguments_of
from trio_chat.journal.redis.journal import BATCH_MAX


async def test_other_tasks_run_while_a_large_batch_is_encoded() -> None:
    batch = Batch()
    for number in range(40_000):
        batch.add([said(f"line {number}", key=str(number))])

    async with longest_hold() as longest_s:
        await arguments_of(batch, {}, lambda record: b"")

    assert 0 < longest_s() < HELD_S


async def test_a_script_keeps_some_of_very_many_lines(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        batches = [journal.post(said(f"line {number}")) for number in range(3 * BATCH_MAX)]
        for batch in dict.fromkeys(batches):
            await batch.kept()

        assert server.ask("HGET", f"{{trio-chat}}:node:{node_of(tmp_path)}", "batch") == b"$1\r\n3\r\n"
        assert await texts(journal) == [f"line {number}" for number in range(3 * BATCH_MAX)]
