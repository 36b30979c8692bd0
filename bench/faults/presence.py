"""M1 and M2: who is here. Clients come, go, move and change names while the server is killed and the store fails.

After each kill and each fault the notices in the history, replayed, must give exactly the members that `who` lists.
"""

import json
import random
import resource
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from bench.faults.clients import LineClient
from bench.faults.server_process import ServerProcess, serving
from bench.faults.verdict import Verdict
from trio_chat.chat.events import Entry
from trio_chat.journal import open_history
from trio_chat.selftest.presence import PresenceReplay

ROOMS = ("lobby", "ops", "dev")
NICKS = tuple(f"n{number}" for number in range(6))
PLAIN, FRAMES = 5, 5
STEPS = 20
"""Changes between two faults: fewer than a room tells one by one in a second."""

HEALED_WITHIN_S = 20


def presence(folder: Path, times: int) -> Iterator[Verdict]:
    """Kill the server `times` times, with faults of the store before each."""
    faults, changes = kill_under_churn(folder / "presence", times, store_faults=("full", "locked", ""))
    found = f"{changes:,} changes, {len(faults)} faults" + "".join(f"; {fault}" for fault in faults[:3])
    expected = "the history says who is here, each notice follows from those before"
    yield Verdict("M1", f"{times:,} times kill -9 and faults of the store, under churn", expected, found, not faults)


def kill_under_churn(
    data: Path, times: int, *, store_faults: Sequence[str], seed: int = 1, announce_max: int | None = None
) -> tuple[list[str], int]:
    """Let clients come, go and change; before each kill the store has the next of these faults. -> (faults, changes)

    Rooms of more than `announce_max` clients sum up who comes and goes; by default none does.
    """
    dice, history = random.Random(seed), History(data, may_sum_up=announce_max is not None)
    flags = () if announce_max is None else ("--announce-max", str(announce_max))
    crowd = [Churner(number, dice) for number in range(PLAIN + FRAMES)]
    for number in range(times + 1):
        with serving(data, "--hold", "1s", *flags) as server, closing(Observer(server.port)) as observer:
            faults = history.faults_against(observer)
            if faults or number == times:
                break
            churn(server, crowd, dice)
            fault = store_faults[number % len(store_faults)]
            with _failing(server, fault):
                churn(server, crowd, dice)
            churn(server, crowd, dice)
            if fault and dice.random() < 0.5 and (faults := history.faults_against(observer)):
                break
            server.process.kill()
        for one in crowd:
            one.hang_up()
    return faults, sum(one.changes for one in crowd)


def churn(server: ServerProcess, crowd: Sequence["Churner"], dice: random.Random) -> None:
    """Let clients do something, chosen at random, without waiting for what becomes of it."""
    for _ in range(STEPS):
        dice.choice(crowd).change(server.port)
    for one in dice.sample(crowd, len(crowd) // 2):
        one.drain()


@contextmanager
def _failing(server: ServerProcess, fault: str) -> Iterator[None]:
    """Let the store have a fault inside the block: `full`, `locked`, or none."""
    if fault == "full":
        limit = partial(resource.prlimit, server.process.pid, resource.RLIMIT_FSIZE)
        before = limit()
        limit((1, before[1]))
        yield
        limit(before)
    elif fault == "locked":
        with closing(sqlite3.connect(server.data / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        yield


class History:
    """The notices in the journal, replayed as far as they were read."""

    def __init__(self, data: Path, *, may_sum_up: bool) -> None:
        self._data = data
        self._may_sum_up = may_sum_up
        self._replay = PresenceReplay()
        self._seen = 0

    def faults_against(self, observer: "Observer") -> list[str]:
        """Compare with the members of now, until they agree or too much time has passed. -> faults"""
        deadline = time.monotonic() + HEALED_WITHIN_S
        while True:
            present = {room: observer.members(room) for room in ROOMS}
            trio.run(self._read)
            faults = self._replay.faults_against(present)
            if not faults or time.monotonic() > deadline:
                summed_up = () if self._may_sum_up else sorted(self._replay.summed_up)
                return faults + [f"#{room}: a sum of joins or leaves" for room in summed_up]
            time.sleep(0.05)

    async def _read(self) -> None:
        async with open_history("sqlite:", data=self._data) as history:
            while page := await history.read(None, after=self._seen, limit=1000):
                self._seen = page[-1].id
                self._replay.feed(it for it in page if isinstance(it, Entry))


class FramesClient:
    """A client that speaks frames."""

    def __init__(self, port: int, **hello: object) -> None:
        self._client = LineClient(port)
        self.send("hello", protocol=1, **hello)

    def send(self, kind: str, **fields: object) -> None:
        """Send a request."""
        self._client.say(json.dumps({"type": kind, **fields}))

    def until(self, kind: str) -> dict[str, object]:
        """Return the next frame of a type."""
        while True:
            frame: dict[str, object] = json.loads(self._client.line())
            if frame["type"] == kind:
                return frame

    def leave(self) -> None:
        """Leave the chat, and return when the server has ended the connection."""
        self.send("bye")
        self._client.whole_lines()

    def close(self) -> None:
        """Close the connection."""
        self._client.sock.close()


class Observer:
    """A member of all rooms that changes nothing."""

    def __init__(self, port: int) -> None:
        self._client = FramesClient(port, session="o" * 32, nick="observer", rooms=ROOMS)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def members(self, room: str) -> list[str]:
        """Return the labels that `who` lists."""
        self._client.send("who", room=room, key="who")
        labels = self._client.until("members")["labels"]
        assert isinstance(labels, list)
        return labels


class Churner:
    """A plain client, or one in frames with a session, that does something at random each time."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.changes = 0
        self._session = "" if number < PLAIN else f"{number}" * 32
        self._dice = dice
        self._plain: LineClient | None = None
        self._frames: FramesClient | None = None

    def change(self, port: int) -> None:
        """Connect, or else move, change names, speak or leave."""
        self.changes += 1
        with suppress(OSError):
            if self._session:
                self._change_frames(port)
            else:
                self._change_plain(port)

    def drain(self) -> None:
        """Wait until what was asked for is answered."""
        with suppress(OSError):
            if self._plain:
                self._plain.say("/who")
                while "(you)" not in self._plain.line():
                    pass
            if self._frames:
                self._frames.send("ping", key="p")
                self._frames.until("pong")

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self._plain:
            self._plain.sock.close()
        if self._frames:
            self._frames.close()
        self._plain = self._frames = None

    def _change_plain(self, port: int) -> None:
        if self._plain is None:
            self._plain = LineClient(port)
            self._plain.say("here")
            return
        room, nick, act = self._dice.choice(ROOMS), self._dice.choice(NICKS), self._dice.randrange(8)
        if act == 0:
            self.hang_up()
        elif act == 1:
            self._plain.say("/quit")
            self._plain.whole_lines()
            self.hang_up()
        else:
            self._plain.say((f"/join {room}", f"/nick {nick}", "hello")[act % 3])

    def _change_frames(self, port: int) -> None:
        room, nick, act = self._dice.choice(ROOMS), self._dice.choice(NICKS), self._dice.randrange(10)
        if self._frames is None:
            self._frames = FramesClient(port, session=self._session, nick=nick, rooms=[room])
        elif act == 0:
            self.hang_up()
        elif act == 1:
            self._frames.leave()
            self.hang_up()
        elif act < 4:
            self._frames.send("nick", nick=nick)
        else:
            self._frames.send(("join", "leave", "say")[act % 3], room=room, **({"text": "hi"} if act % 3 == 2 else {}))
