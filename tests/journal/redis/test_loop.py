"""The loop of a server is never held for long by what it writes to Redis."""

from pathlib import Path
from typing import Any, cast

from tests.journal.redis.opened import node_of, opened, said, texts
from tests.loop_watch import HELD_S, longest_hold
from tests.redis_server import RedisServer
from tests.turns import turns_during
from trio_chat.chat.events import Entry
from trio_chat.chat.remote_clients import ClientFacts, RemoteClient, RemoteClients
from trio_chat.journal.batch import Batch
from trio_chat.journal.records import Past
from trio_chat.journal.redis.appending import arguments_of
from trio_chat.journal.redis.journal import BATCH_MAX
from trio_chat.journal.redis.log_reader import LogReader
from trio_chat.journal.redis.nodes import ROOMS_PER_TURN, FactsTurns
from trio_chat.journal.redis.reader import past_in
from trio_chat.journal.redis.rows import PAYLOAD_BYTES_MAX, TURN_BYTES, to_payload


async def test_other_tasks_run_while_a_large_batch_is_encoded() -> None:
    batch = Batch()
    for number in range(40_000):
        batch.add([said(f"line {number}", key=str(number))])

    async with longest_hold() as longest_s:
        await arguments_of(batch, {}, lambda record: b"")

    assert 0 < longest_s() < HELD_S


LONG = 5 * TURN_BYTES // PAYLOAD_BYTES_MAX
"""So many entries of the greatest length are decoded in five turns."""


async def test_other_tasks_run_while_entries_are_decoded_that_are_very_long() -> None:
    payload = to_payload(said("x" * (PAYLOAD_BYTES_MAX - 100)))
    rows = [(number, b"lobby", b"1", payload) for number in range(1, LONG + 1)]
    log = [(number, {b"e": b"\n".join((b"1", b"", payload, b"", b"", b"", b"lobby"))}) for number, *_ in rows]
    heard: list[Entry] = []

    class Reader:
        def checked(self, past: list[Past]) -> list[Past]:
            return past

    reader = LogReader(
        cast("Any", None), cast("Any", Reader()), 0, on_entries=lambda some, _: heard.extend(some), on_failure=int
    )

    assert await turns_during(lambda: past_in(rows)) >= 3
    assert await turns_during(lambda: reader._publish_rows(log)) >= 3
    assert [it.id for it in heard] == [it.id for it in await past_in(rows)] == list(range(1, LONG + 1))


async def test_other_tasks_run_while_clients_in_very_many_rooms_are_read() -> None:
    clients = RemoteClients()
    rooms = tuple(f"room{number}" for number in range(ROOMS_PER_TURN // 2))
    facts = ClientFacts("c1", "frames", "eve", "eve", "", "s" * 32, rooms, "192.0.2.1", 1, 1.0, 1.0)
    clients.put(RemoteClient("hand", facts, clock_began_at=0.0))

    async def read(client_id: str) -> None:
        turns = FactsTurns(clients)
        for _ in range(10):
            turns.note(client_id)
            await turns.checkpoint_if_due()

    assert await turns_during(lambda: read("c1")) >= 4
    assert await turns_during(lambda: read("c2")) <= 1


async def test_a_script_keeps_some_of_very_many_lines(server: RedisServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as journal:
        batches = [journal.post(said(f"line {number}")) for number in range(3 * BATCH_MAX)]
        for batch in dict.fromkeys(batches):
            await batch.kept()

        assert server.ask("HGET", f"{{trio-chat}}:node:{node_of(tmp_path)}", "batch") == b"$1\r\n3\r\n"
        assert await texts(journal) == [f"line {number}" for number in range(3 * BATCH_MAX)]
