"""The pump under random schedules: whatever people do during its passes, each is sent all that it should hear, once.

The sockets are real and their buffers small. The journal is in the hands of the schedule, and a turn of the pump ends
after every few sends, so that all that is done is done in the middle of a pass, too.
"""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.dependencies import make_dependencies
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, Draft, Entry
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.room import Member
from trio_chat.server.delivery.pump import Pump
from trio_chat.server.delivery.turn import SENDS_MIN
from trio_chat.server.transport.outlet import NoticeEncoders
from trio_chat.server.transport.socket_outlet import SocketOutlet

NOTICES = NoticeEncoders(
    gap=lambda room, missed: f"gap {room} {missed}\n".encode(), farewell=lambda reason, text: b"farewell\n"
)

ROOMS = (LOBBY, "dev")

CROWD = 2 * SENDS_MIN
"""Clients at the beginning: too many for one turn of the pump."""


class Kept:
    """The receipt of a draft."""

    error: str | None = None

    async def kept(self) -> None:
        return

    def repeated(self, session: str, key: str) -> Entry | None:
        return None


@dataclass
class Person:
    """A client, and all that was received at the other end of its connections."""

    client: Client
    ours: socket.socket
    theirs: socket.socket
    received: bytes = b""
    received_before: int = 0
    """Bytes received in earlier connections."""
    books: dict[str, "Book"] = field(default_factory=dict)
    answers: int = 0
    is_broken: bool = False
    pauses: ExitStack = field(default_factory=ExitStack)
    is_paused: bool = False

    @property
    def outlet(self) -> SocketOutlet:
        assert isinstance(self.client.outlet, SocketOutlet)
        return self.client.outlet


@dataclass
class Book:
    """A stay in a room: from the entry with index `start` on, up to `end`."""

    member: Member
    start: int
    end: int | None = None


class Schedule:
    """A chat with its pump, and the steps that a schedule is made of."""

    def __init__(self, nursery: trio.Nursery, window: int) -> None:
        self.pump = Pump(nursery, stall_timeout_s=10**6, turn_s=0)
        deps = make_dependencies(self._post, encoders=dict.fromkeys(Mode, encode), on_news=self.pump.schedule)
        self.chat = Chat(deps, rules=Rules(window=Window(entries=window)))
        self.posted: list[Draft] = []
        self.kept: defaultdict[str, list[Entry]] = defaultdict(list)
        self.people: list[Person] = []
        self.gone: list[Person] = []
        self._ids, self._ports = count(1), count(1024)

    def _post(self, *drafts: Draft, sessions: object = (), superseded: object = ()) -> Kept:
        self.posted += drafts
        return Kept()

    def _open(self) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return ours, theirs

    # Steps: each takes two numbers

    def come(self, kind: int, _: int) -> None:
        ours, theirs = self._open()
        outlet, mode = SocketOutlet(ours, NOTICES, trio.CancelScope()), list(Mode)[kind % 2]
        session, port = "" if mode is Mode.LINES else f"session {next(self._ids)}", next(self._ports)
        client = self.chat.connect("10.0.0.1", port, mode=mode, outlet=outlet, session=session)
        self.people.append(Person(client, ours, theirs))
        self._join(self.people[-1], LOBBY)

    def go_to(self, who: int, _: int) -> None:
        self._join(self._pick(who), "dev")

    def _join(self, person: Person, name: str) -> None:
        if name not in person.books:
            person.books[name] = Book(self.chat.join(person.client, name), len(self.kept[name]))

    def _pick(self, who: int) -> Person:
        if not self.people:
            self.come(who, 0)
        return self.people[who % len(self.people)]

    def say(self, who: int, size: int) -> None:
        client = self._pick(who).client
        rooms = list(client.members)
        self.chat.say(client, rooms[size % len(rooms)], "." * size)

    def rename(self, who: int, nick: int) -> None:
        with suppress(ChatError):
            self.chat.rename(self._pick(who).client, f"nick{nick}")

    def announce(self, room: int, size: int) -> None:
        self.posted.append(Draft(ROOMS[room % 2], "said", "x", "." * size))

    def commit(self, *_: int) -> None:
        drafts, self.posted = self.posted, []
        entries = [Entry(next(self._ids), 0.0, draft) for draft in drafts]
        for entry in entries:
            self.kept[entry.draft.room].append(entry)
        self.chat.deliver(entries)

    def leave(self, who: int, _: int) -> None:
        self._end(self._pick(who), self.chat.disconnect)

    def kick(self, who: int, _: int) -> None:
        self._end(self._pick(who), self.chat.kick)

    def _end(self, person: Person, end: Callable[[Client], object]) -> None:
        person.pauses.close()
        end(person.client)
        self.people.remove(person)
        self.gone.append(person)

    def resume(self, who: int, _: int) -> None:
        """Go on in another connection, where no line is torn, since its rest would be lost."""
        person = self._pick(who)
        if not person.client.session or person.outlet.unsent_bytes or person.is_paused:
            return
        self.read(who, 10**6)
        self._close(person.ours)
        self._close(person.theirs)
        person.received_before = len(person.received)
        self.chat.connection_lost(person.client, person.outlet, DisconnectReason.BROKEN)
        person.ours, person.theirs = self._open()
        outlet = SocketOutlet(person.ours, NOTICES, trio.CancelScope())
        assert self.chat.resume(person.client.session, "10.0.0.1", next(self._ports), outlet=outlet)
        self.pump.flush(person.client)

    def read(self, who: int, size: int) -> None:
        person = self._pick(who)
        if not person.is_broken:
            receive(person, size)

    def break_off(self, who: int, _: int) -> None:
        """The other end is gone, and its session has not noticed."""
        person = self._pick(who)
        person.is_broken = True
        self._close(person.theirs)

    def answer(self, who: int, size: int) -> None:
        person = self._pick(who)
        person.answers += 1
        person.outlet.write(f"answer {person.answers}\n".encode())

    def flush(self, who: int, _: int) -> None:
        self.pump.flush(self._pick(who).client)

    def end_in_crlf(self, who: int, _: int) -> None:
        self._pick(who).outlet.end_in_crlf()

    def pause(self, who: int, _: int) -> None:
        person = self._pick(who)
        if not person.client.outlet.is_paused:
            person.pauses.enter_context(self.pump.paused(person.client))
            person.is_paused = True

    def go_on(self, who: int, _: int) -> None:
        person = self._pick(who)
        if person.is_paused:
            person.pauses.close()
            person.is_paused = False
            self.pump.flush(person.client)

    @staticmethod
    def _close(sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            trio.lowlevel.notify_closing(sock)
            sock.close()

    # The end

    async def finish(self) -> None:
        """Let all that was said be kept, and read until nobody is sent more."""
        for person in tuple(self.people):
            self.go_on(self.people.index(person), 0)
            self.pump.flush(person.client)
        self.commit()
        await trio.testing.wait_all_tasks_blocked()
        while sum([receive(person, 10**6) for person in self.people if not person.is_broken]):
            await trio.testing.wait_all_tasks_blocked()
        for person in self.gone:
            receive(person, 10**6)

    def close(self) -> None:
        for person in (*self.people, *self.gone):
            self._close(person.ours)
            self._close(person.theirs)

    def check(self) -> None:
        for person in self.people:
            if not person.is_broken:
                self._check_received(person, is_here=True)
                assert person.client.behind == (0, 0)
        for person in self.gone:
            self._check_received(person, is_here=False)
        for room in self.chat.rooms:
            check_cohorts(room.members.values(), room.cohorts)

    def _check_received(self, person: Person, *, is_here: bool) -> None:
        *lines, rest = person.received.decode().split("\n")
        assert not is_here or not rest
        lines = [line.removesuffix("\r") for line in lines]
        answers = [line for line in lines if line.startswith("answer")]
        wanted = [f"answer {number}" for number in range(1, person.answers + 1)]
        assert answers == (wanted if is_here else wanted[: len(answers)])
        known = len(answers) + lines.count("farewell")
        for name, book in person.books.items():
            due = list(self._due(person.client, name, book))
            heard = [line for line in lines if line.startswith(f"{name} ")]
            missed = sum(int(line.split()[2]) for line in lines if line.startswith(f"gap {name} "))
            known += len(heard) + sum(line.startswith(f"gap {name} ") for line in lines)
            assert is_subsequence(heard, due)
            if is_here:
                assert len(heard) + missed == len(due)
            elif not missed:
                assert heard == due[: len(heard)]
        assert known == len(lines)
        if is_here:
            assert person.client.bytes_out == len(person.received) - person.received_before

    def _due(self, client: Client, name: str, book: Book) -> Iterator[str]:
        for entry in self.kept[name][book.start :]:
            if client.mode is Mode.FRAMES or entry.draft.client != client.id:
                yield encode(entry).decode().removesuffix("\n")


def encode(entry: Entry) -> bytes:
    return f"{entry.draft.room} {entry.id} {entry.draft.text}\n".encode()


def receive(person: Person, size: int) -> int:
    """Receive what has come, up to `size` bytes. -> their number"""
    got = 0
    while got < size:
        try:
            data = person.theirs.recv(size - got)
        except OSError:
            break
        if not data:
            break
        person.received += data
        got += len(data)
    return got


def is_subsequence(some: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(one in rest for one in some)


def check_cohorts(members, cohorts) -> None:
    """All members are in the cohort of their format, those in step in the order in which they came."""
    for member in members:
        cohort = cohorts[member.client.mode]
        assert member.cohort is cohort
        assert (member in cohort.apart) != member.is_in_step
        assert member.is_here
    for cohort in cohorts.values():
        in_step = [member for member in members if member.cohort is cohort and member.is_in_step]
        assert in_step == cohort._in_step
        assert [member.outlet for member in in_step] == cohort._outlets
        assert not cohort.unserved
        assert cohort.apart.keys() <= set(members)


STEPS = [
    *[Schedule.say, Schedule.announce, Schedule.commit] * 3,
    *[Schedule.come, Schedule.go_to, Schedule.leave, Schedule.kick, Schedule.rename, Schedule.resume],
    *[Schedule.read, Schedule.break_off, Schedule.answer, Schedule.flush, Schedule.end_in_crlf],
    *[Schedule.pause, Schedule.go_on],
]

turns = st.integers(0, 3)
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30), st.integers(0, 3000), turns), max_size=40)


@pytest.mark.parametrize("window", [10, 10**4])
@given(steps)
def test_whatever_people_do_during_a_pass_each_is_sent_what_it_should_hear_once(window: int, steps: list) -> None:
    async def run() -> None:
        async with trio.open_nursery() as nursery:
            schedule = Schedule(nursery, window)
            nursery.start_soon(schedule.pump.run)
            try:
                for number in range(CROWD):
                    schedule.come(number % 5 == 0, 0)
                for step, who, size, turns in steps:
                    step(schedule, who, size)
                    for _ in range(turns):
                        await trio.lowlevel.checkpoint()
                await schedule.finish()
                schedule.check()
            finally:
                schedule.close()
            nursery.cancel_scope.cancel()

    trio.run(run)
