"""One speaker's order, with faults of the store at random: what is heard is what was said, once, in its order."""

import json
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S
from tests.server.sessions.test_frames import SECRET, Frames
from trio_chat.client.link import connection
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import open_link
from trio_chat.client.link.outbox import open_outbox
from trio_chat.journal import JournalError
from trio_chat.journal.batch import Batch
from trio_chat.wire import frames

schedules = st.lists(st.booleans(), min_size=1, max_size=30)
"""For each batch in turn, whether the store fails; after that it is well."""

bursts = st.lists(st.integers(1, 40), min_size=1, max_size=8)
"""Numbers of lines sent at once."""


class Store:
    """Lets a journal's store fail by a schedule."""

    def __init__(self, journal, fails: Sequence[bool]) -> None:
        self._keep = journal._store.keep
        self._fails = deque(fails)
        journal._store.keep = self._keep_or_fail

    def _keep_or_fail(self, batch: Batch, time: float) -> None:
        if batch.drafts and self._fails and self._fails.popleft():
            raise JournalError("the disk is full")
        self._keep(batch, time)


async def texts_heard(bob: Frames, count: int) -> list[str]:
    return [(await bob.until("entry", kind="said"))["text"] for _ in range(count)]


async def talk_by_link(server, counts: Sequence[int], folder: Path) -> None:
    with open_outbox("test", folder=folder / "outbox") as outbox:  # the journal has locked its own
        async with open_link(TcpAddress("127.0.0.1", server.port), Identity(nick="alice"), outbox) as link:
            number = 0
            for count in counts:
                texts = [str(number + one) for one in range(count)]
                number += count
                await link.say(*(frames.Say(room="lobby", text=text) for text in texts))
                for _ in range(count):
                    await trio.lowlevel.checkpoint()
            while link.pending:
                await anext(link)


async def talk_ahead(server, counts: Sequence[int], folder: Path) -> None:
    """Send without waiting, and repeat what is refused in the order of the refusals."""
    alice = Frames(await server.connect())
    await alice.send(type="hello", protocol=1, session=SECRET)
    await alice.until("welcome")
    unsaid = {str(number) for number in range(sum(counts))}
    sending = trio.Lock()

    async def repeat() -> None:
        while unsaid:
            frame = await alice.receive()
            if frame.get("code") == "not-kept":
                async with sending:
                    await alice.send(type="say", room="lobby", text=frame["key"], key=frame["key"])
            elif frame["type"] == "entry":
                unsaid.discard(frame.get("key", ""))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(repeat)
        number = 0
        for count in counts:
            keys = [str(number + one) for one in range(count)]
            number += count
            async with sending:
                await alice.line.send(
                    b"".join(
                        json.dumps({"type": "say", "room": "lobby", "text": key, "key": key}).encode() + b"\n"
                        for key in keys
                    )
                )
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("talk", [talk_by_link, talk_ahead])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fails=schedules, counts=bursts)
def test_a_speaker_is_heard_in_its_order_whenever_the_store_fails(
    open_server, monkeypatch: pytest.MonkeyPatch, talk, fails: list[bool], counts: list[int]
) -> None:
    monkeypatch.setattr(connection, "RESEND_INTERVAL_S", 0.002)

    async def run(folder: Path) -> list[str]:
        async with open_server(journal_url="sqlite:", data=folder) as server:
            bob = Frames(await server.connect())
            await bob.send(type="hello", protocol=1)
            await bob.until("welcome")
            Store(server.context.journal, fails)
            with trio.fail_after(PATIENCE_S):
                await talk(server, counts, folder)
                return await texts_heard(bob, sum(counts))

    with tempfile.TemporaryDirectory() as folder:
        heard = trio.run(run, Path(folder))

    assert heard == [str(number) for number in range(sum(counts))]
