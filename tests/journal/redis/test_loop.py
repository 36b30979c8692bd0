"""The loop of a server is never held for long by what it writes to Redis."""

import time

import trio

from tests.journal.redis.opened import said
from trio_chat.journal.batch import Batch
from trio_chat.journal.redis.appending import arguments_of

HELD_MAX_S = 0.05


async def test_other_tasks_run_while_a_large_batch_is_encoded(nursery: trio.Nursery) -> None:
    longest_s = 0.0
    batch = Batch()
    for number in range(40_000):
        batch.add([said(f"line {number}", key=str(number))])

    async def watch() -> None:
        nonlocal longest_s
        while True:
            began = time.thread_time()
            await trio.lowlevel.cancel_shielded_checkpoint()
            longest_s = max(longest_s, time.thread_time() - began)
            await trio.lowlevel.checkpoint_if_cancelled()

    nursery.start_soon(watch)
    await trio.lowlevel.checkpoint()
    await arguments_of(batch, {}, lambda record: b"")
    await trio.lowlevel.checkpoint()
    nursery.cancel_scope.cancel()

    assert 0 < longest_s < HELD_MAX_S
