"""M12: very many clients at a server that is gone for a moment."""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import trio

from trio_chat.client.connect import Place
from trio_chat.client.dialogue import Visitor
from trio_chat.client.happenings import Connected, Lost, Sent
from trio_chat.client.link import open_link
from trio_chat.client.outbox import open_outbox
from trio_chat.wire import frames

CLIENTS = 60
BACK_S = 10
"""Within this time everyone is back."""


@contextmanager
def serving(data: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [sys.executable, "-m", "trio_chat", "serve", "--no-console", "--port", str(port), "--admin-port", "0"]
    process = subprocess.Popen([*command, "--data", data], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        yield process, int(process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.communicate()


class Regular:
    """Somebody who says something, and something more once the server is gone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connected_at: list[float] = []
        self.sent = 0
        self.happened = trio.Event()

    async def stay(self, port: int, outboxes: Path) -> None:
        with open_outbox("x", self.name, folder=outboxes) as outbox:
            async with open_link(Place("127.0.0.1", port), Visitor(self.name), outbox) as link:
                await link.say(frames.Say(room="lobby", text=f"{self.name} before"))
                async for happenings in link:
                    for what in happenings:
                        self.sent += isinstance(what, Sent)
                        if isinstance(what, Connected):
                            self.connected_at.append(trio.current_time())
                        if isinstance(what, Lost) and len(self.connected_at) == 1 and not link.pending:
                            await link.say(frames.Say(room="lobby", text=f"{self.name} meanwhile"))
                    self.happened.set()
                    self.happened = trio.Event()

    async def until(self, sent: int, connections: int) -> None:
        while self.sent < sent or len(self.connected_at) < connections:
            await self.happened.wait()


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_m12_all_come_back_in_time_but_not_at_once_and_no_line_is_lost(tmp_path: Path, kill: bool) -> None:
    regulars = [Regular(f"regular{number}") for number in range(CLIENTS)]
    with ExitStack() as stack:
        process, port = stack.enter_context(serving(tmp_path))
        async with trio.open_nursery() as nursery:
            for regular in regulars:
                nursery.start_soon(regular.stay, port, tmp_path / "outboxes")
            with trio.fail_after(50):
                for regular in regulars:
                    await regular.until(1, 1)
                process.kill() if kill else process.terminate()
                await trio.to_thread.run_sync(process.wait)
                await trio.to_thread.run_sync(stack.enter_context, serving(tmp_path, port))
                restarted_at = trio.current_time()
                for regular in regulars:
                    await regular.until(2, 2)
            nursery.cancel_scope.cancel()

        back_at = [regular.connected_at[-1] for regular in regulars]
        assert max(back_at) - restarted_at < BACK_S
        assert max(back_at) - min(back_at) > 0.2
        with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
            said = Counter(text for (text,) in db.execute("SELECT text FROM entry WHERE key <> ''"))
    assert said == {f"{r.name} {when}": 1 for r in regulars for when in ("before", "meanwhile")}
