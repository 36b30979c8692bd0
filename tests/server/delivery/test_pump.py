"""The pump against real sockets whose other end reads, or does not."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from tests.dependencies import make_dependencies
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.events import LOBBY, Draft, Entry, Kind
from trio_chat.chat.log import SLICE_BYTES, Mode, Window
from trio_chat.chat.outlet import TAKES_NOTHING, Backlog, CloseReason
from trio_chat.chat.room import Member
from trio_chat.server.delivery.pump import WAIT_SHARE, Pump
from trio_chat.server.delivery.turn import SENDS_MIN, TURN_S
from trio_chat.server.sessions.lines import NOTICES
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.wire.lines import encode_entry, encode_notice


class Lobby:
    """A lobby with a pump, into which entries are put by hand."""

    def __init__(self, nursery: trio.Nursery, window: Window, stall_timeout_s: float, turn_s: float) -> None:
        self.pump = Pump(nursery, stall_timeout_s=stall_timeout_s, turn_s=turn_s)
        deps = make_dependencies(
            lambda draft: pytest.fail("nothing is posted here"),
            encoders=dict.fromkeys(Mode, encode_entry),
            on_news=self.pump.schedule,
        )
        self.chat = Chat(deps, rules=Rules(window=window))
        self._sessions: dict[int, trio.CancelScope] = {}
        self.sockets: list[socket.socket] = []
        self._next_id = 0

    def connect(self, port: int) -> tuple[Client, socket.socket]:
        """Connect a client, in the lobby. -> it, and the other end of its connection, with small buffers"""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
            self.sockets.append(end)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        session = self._sessions[port] = trio.CancelScope()
        outlet = SocketOutlet(ours, NOTICES, session)
        client = self.chat.connect("10.0.0.1", port, mode=Mode.LINES, outlet=outlet)
        room = self.chat.rooms[LOBBY]
        client.members[room] = room.admit(client)
        return client, theirs

    @property
    def hung_up(self) -> list[int]:
        """The ports of those whose sessions were ended."""
        return [port for port, session in self._sessions.items() if session.cancel_called]

    def say(self, *texts: str, author: Client | None = None) -> None:
        """Let texts be heard in the lobby, as if they had come from the journal."""
        client = author.id if author else ""
        for text in texts:
            self._next_id += 1
            self.chat.deliver([Entry(self._next_id, 0.0, Draft(LOBBY, Kind.SAID, "x", text, client=client))])

    def leave(self, client: Client) -> None:
        """Let the notice be heard that a client has left."""
        self._next_id += 1
        draft = Draft(LOBBY, Kind.LEFT, client.label, client=client.id)
        self.chat.deliver([Entry(self._next_id, 0.0, draft)])


@asynccontextmanager
async def open_lobby(
    window: Window = Window(),  # noqa: B008  # frozen
    stall_timeout_s: float = 1000,
    turn_s: float = TURN_S,
) -> AsyncIterator[Lobby]:
    async with trio.open_nursery() as nursery:
        lobby = Lobby(nursery, window, stall_timeout_s, turn_s)
        nursery.start_soon(lobby.pump.run)
        try:
            yield lobby
        finally:
            nursery.cancel_scope.cancel()
            for sock in lobby.sockets:
                trio.lowlevel.notify_closing(sock)
                sock.close()


@pytest.mark.parametrize("returns", [True, False])
async def test_a_member_that_leaves_during_a_pass_is_sent_earlier_entries_once(returns: bool) -> None:
    async with open_lobby(turn_s=0) as lobby:
        connected = [lobby.connect(port) for port in range(3 * SENDS_MIN)]
        (first, _), (last, theirs) = connected[0], connected[-1]
        room = lobby.chat.rooms[LOBBY]
        lobby.say("before")
        while not first.bytes_out:
            await trio.lowlevel.checkpoint()
        assert not last.bytes_out

        room.remove(last)
        if returns:
            last.members[room] = room.admit(last)
        else:
            lobby.leave(last)
        lobby.say("after")
        await trio.testing.wait_all_tasks_blocked()
        lobby.pump.flush(last)

        assert theirs.recv(1024) == b"[x]> before\n" + b"[x]> after\n" * returns


async def read_until(sock: socket.socket, ending: bytes) -> bytes:
    data = b""
    while not data.endswith(ending):
        await trio.lowlevel.wait_readable(sock)
        data += sock.recv(65536)
    return data


async def test_everyone_but_the_author_hears() -> None:
    async with open_lobby() as lobby:
        alice, alices = lobby.connect(1)
        _, bobs = lobby.connect(2)

        lobby.say("one", author=alice)
        lobby.say("two")

        assert await read_until(bobs, b"two\n") == b"[x]> one\n[x]> two\n"
        assert await read_until(alices, b"two\n") == b"[x]> two\n"


async def test_a_stuck_reader_delays_nobody_and_gets_all_of_it_later() -> None:
    texts = [f"{number} {'.' * 200}" for number in range(500)]
    everything = "".join(f"[x]> {text}\n" for text in texts).encode()
    async with open_lobby() as lobby:
        stuck, stucks = lobby.connect(1)
        _, bobs = lobby.connect(2)

        lobby.say(*texts)

        assert await read_until(bobs, everything[-20:]) == everything
        assert stuck.outlet.is_paused
        assert await read_until(stucks, everything[-20:]) == everything


class Gulp:
    """The sending half of a connection that takes whatever it is offered, in step or apart."""

    is_paused = False
    backlog: Backlog | None = None
    bytes_out = 0
    unsent_bytes = 0
    is_encrypted = False
    close_reason: CloseReason | None = None

    def __init__(self, *, is_shared: bool) -> None:
        self.taken: list[bytes] = []
        self.sink = self if is_shared else TAKES_NOTHING

    def send(self, data: bytes) -> int:
        self.taken.append(data)
        return len(data)

    def push(self, member: Member | None) -> bool:
        assert member
        data, end = member.slice()
        self.taken.append(data)
        member.advance(end)
        return True


@pytest.mark.parametrize("is_shared", [True, False])
async def test_one_that_takes_all_gets_more_than_a_slice_without_more_news(is_shared: bool) -> None:
    texts = ["." * 1000] * (2 * SLICE_BYTES // 1000)
    async with open_lobby() as lobby:
        greedy, _ = lobby.connect(1)
        outlet = greedy.outlet = Gulp(is_shared=is_shared)
        lobby.pump.flush(greedy)

        lobby.say(*texts)
        await trio.testing.wait_all_tasks_blocked()

        assert b"".join(outlet.taken) == "".join(f"[x]> {text}\n" for text in texts).encode()
        assert max(map(len, outlet.taken)) <= SLICE_BYTES


async def test_a_stuck_reader_is_told_its_gap_and_no_line_is_cut() -> None:
    texts = [f"{number} {'.' * 200}" for number in range(500)]
    async with open_lobby(Window(entries=50)) as lobby:
        _, stucks = lobby.connect(1)

        for text in texts:
            lobby.say(text)
            await trio.testing.wait_all_tasks_blocked()
        heard = (await read_until(stucks, f"[x]> {texts[-1]}\n".encode())).decode().splitlines()

    gaps = [line for line in heard if line.startswith("***")]
    lines = [line for line in heard if not line.startswith("***")]
    missed = sum(int(line.removeprefix("*** you missed ").removesuffix(" messages ***")) for line in gaps)
    assert gaps
    assert set(lines) <= {f"[x]> {text}" for text in texts}
    assert len(lines) + missed == len(texts)


async def test_a_stuck_reader_holds_no_more_than_the_rest_of_one_line() -> None:
    async with open_lobby(Window(entries=50)) as lobby:
        stuck, _ = lobby.connect(1)

        lobby.say(*("." * 1000 for _ in range(500)))
        await trio.testing.wait_all_tasks_blocked()

        assert stuck.outlet.unsent_bytes <= len(b"[x]> \n") + 1000


async def test_a_reader_that_takes_nothing_for_too_long_is_hung_up_on(autojump_clock: trio.testing.MockClock) -> None:
    async with open_lobby(stall_timeout_s=30) as lobby:
        stuck, _ = lobby.connect(7)
        lobby.say(*("." * 1000 for _ in range(500)))
        await trio.testing.wait_all_tasks_blocked()

        started = trio.current_time()
        await trio.sleep(29)
        assert lobby.hung_up == []
        await trio.sleep(2)

        assert lobby.hung_up == [7]
        assert trio.current_time() - started < 32
        assert stuck.outlet.is_paused is False


async def test_answers_come_before_what_the_room_says_but_never_inside_a_line() -> None:
    async with open_lobby() as lobby:
        stuck, stucks = lobby.connect(1)
        lobby.say(*("." * 1000 for _ in range(100)))
        await trio.testing.wait_all_tasks_blocked()

        stuck.outlet.write(encode_notice("an answer"))
        heard = (await read_until(stucks, b".\n")).decode()
        while heard.count("\n") < 101:
            heard += (await read_until(stucks, b"\n")).decode()

    assert set(heard.splitlines()) == {"*** an answer ***", "[x]> " + "." * 1000}
    assert heard.splitlines()[-1] != "*** an answer ***"


async def test_delivered_waits_for_a_slow_reader() -> None:
    async with open_lobby() as lobby, trio.open_nursery() as nursery:
        slow, slows = lobby.connect(1)
        lobby.say(*("." * 1000 for _ in range(100)))
        done = trio.Event()

        async def deliver() -> None:
            await lobby.pump.delivered(slow)
            done.set()

        nursery.start_soon(deliver)
        await trio.testing.wait_all_tasks_blocked()
        assert not done.is_set()

        got = 0
        while got < 100 * 1006:
            await trio.lowlevel.wait_readable(slows)
            got += len(slows.recv(65536))
        await done.wait()


async def test_a_closed_connection_ends_the_wait_for_it() -> None:
    async with open_lobby() as lobby:
        gone, _ = lobby.connect(1)
        lobby.say(*("." * 1000 for _ in range(100)))
        await trio.testing.wait_all_tasks_blocked()

        trio.lowlevel.notify_closing(gone.outlet.socket)
        gone.outlet.socket.close()
        await trio.testing.wait_all_tasks_blocked()

        assert not gone.outlet.is_paused


async def test_a_connection_that_was_blocked_leaves_the_one_after_it_alone(autojump_clock) -> None:
    async with open_lobby(stall_timeout_s=30) as lobby:
        client, first = lobby.connect(1)
        lobby.say(*["x" * 4000] * 100)
        await trio.testing.wait_all_tasks_blocked()
        client.outlet = lobby.connect(2)[0].outlet  # its session goes on in another connection, which is paused

        with lobby.pump.paused(client):
            first.recv(1 << 20)
            await trio.testing.wait_all_tasks_blocked()

            assert client.outlet.is_paused
            assert lobby.hung_up == []


async def test_nothing_is_sent_to_a_paused_client_and_everything_after_the_pause() -> None:
    async with open_lobby() as lobby:
        client, theirs = lobby.connect(1)
        _, bobs = lobby.connect(2)

        with lobby.pump.paused(client):
            lobby.say("one")
            lobby.pump.flush(client)
            assert await read_until(bobs, b"one\n") == b"[x]> one\n"
            assert client.bytes_out == 0
        lobby.pump.flush(client)

        assert await read_until(theirs, b"one\n") == b"[x]> one\n"


async def test_a_full_socket_has_a_backlog_that_says_since_when_and_when_its_peer_took_something(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with open_lobby() as lobby:
        stuck, theirs = lobby.connect(1)
        began = trio.current_time()
        lobby.say(*("." * 1000 for _ in range(1000)))
        await trio.testing.wait_all_tasks_blocked()
        assert stuck.outlet.backlog == Backlog(began, began)

        mock_clock.jump(2)
        while stuck.outlet.backlog == Backlog(began, began):
            await trio.lowlevel.wait_readable(theirs)
            theirs.recv(65536)
            await trio.testing.wait_all_tasks_blocked()
        assert stuck.outlet.backlog == Backlog(began, began + 2)

        while stuck.outlet.backlog:
            await trio.lowlevel.wait_readable(theirs)
            theirs.recv(65536)
            await trio.testing.wait_all_tasks_blocked()


async def test_a_pause_that_ends_while_the_socket_is_full_leaves_the_client_to_be_drained() -> None:
    async with open_lobby() as lobby:
        stuck, theirs = lobby.connect(1)
        lobby.say(*("." * 1000 for _ in range(100)))
        await trio.testing.wait_all_tasks_blocked()

        with lobby.pump.paused(stuck):
            pass

        assert stuck.outlet.is_paused
        got = 0
        while got < 100 * 1006:
            await trio.lowlevel.wait_readable(theirs)
            got += len(theirs.recv(65536))
        await trio.testing.wait_all_tasks_blocked()
        assert not stuck.outlet.is_paused


async def test_a_pause_ends_with_the_connection_that_it_began_in() -> None:
    async with open_lobby() as lobby:
        client, _ = lobby.connect(1)
        first, second = client.outlet, lobby.connect(2)[0].outlet

        with lobby.pump.paused(client):
            client.outlet = second

        assert not first.is_paused
        assert not second.is_paused


async def test_one_that_came_during_a_pause_is_sent_nothing_before_its_end() -> None:
    async with open_lobby() as lobby:
        client, theirs = lobby.connect(1)
        _, bobs = lobby.connect(2)
        room = lobby.chat.rooms[LOBBY]

        with lobby.pump.paused(client):
            room.depart(room.remove(client))
            client.members[room] = room.admit(client)
            for text in ("one", "two"):
                lobby.say(text)
                await read_until(bobs, f"{text}\n".encode())
            assert client.bytes_out == 0
        lobby.pump.flush(client)

        assert await read_until(theirs, b"two\n") == b"[x]> one\n[x]> two\n"


async def test_nothing_comes_after_the_farewell() -> None:
    async with open_lobby() as lobby:
        client, theirs = lobby.connect(1)
        _, bobs = lobby.connect(2)
        lobby.say("one")
        await read_until(bobs, b"one\n")

        client.outlet.hang_up(CloseReason.STOPPING)
        lobby.say("two")
        await read_until(bobs, b"two\n")
        client.outlet.say_farewell()

        assert theirs.recv(1024) == b"[x]> one\n" + NOTICES.farewell(CloseReason.STOPPING, CloseReason.STOPPING.text)


async def test_lines_end_in_crlf_from_when_a_client_wants_them_to() -> None:
    async with open_lobby() as lobby:
        client, theirs = lobby.connect(1)
        lobby.say("one")
        await read_until(theirs, b"one\n")

        client.outlet.end_in_crlf()
        lobby.say("two")

        assert await read_until(theirs, b"\n") == b"[x]> two\r\n"


async def test_whoever_was_sent_something_alone_is_in_step_when_the_next_pass_begins() -> None:
    async with open_lobby() as lobby:
        client, theirs = lobby.connect(1)
        (cohort,) = lobby.chat.rooms[LOBBY].cohorts.values()

        client.outlet.write(encode_notice("an answer"))
        lobby.say("one")
        assert await read_until(theirs, b"one\n") == b"*** an answer ***\n[x]> one\n"
        assert cohort.apart
        lobby.say("two")
        await read_until(theirs, b"two\n")

        assert not cohort.apart


async def test_a_connection_with_the_rest_of_a_line_takes_nothing_that_is_shared() -> None:
    async with open_lobby() as lobby:
        stuck, _ = lobby.connect(1)
        assert stuck.outlet.sink is stuck.outlet.socket

        lobby.say(*("." * 1000 for _ in range(100)))
        await trio.testing.wait_all_tasks_blocked()

        assert stuck.outlet.unsent_bytes
        assert stuck.outlet.sink.send(b"shared") == 0


async def test_whoever_spoke_is_apart_until_others_speak() -> None:
    async with open_lobby() as lobby:
        alice, alices = lobby.connect(1)
        _, bobs = lobby.connect(2)
        (cohort,) = lobby.chat.rooms[LOBBY].cohorts.values()

        for text in ("mine", "and mine"):
            lobby.say(text, author=alice)
            await read_until(bobs, f"{text}\n".encode())
            assert list(cohort.apart) == [alice.members[lobby.chat.rooms[LOBBY]]]
        lobby.say("not mine")

        assert await read_until(alices, b"not mine\n") == b"[x]> not mine\n"
        assert not cohort.apart


class SlowSink:
    """A socket to which each send takes some time."""

    def __init__(self, sock: socket.socket, clock: trio.testing.MockClock, seconds: float) -> None:
        self._sock, self._clock, self._seconds = sock, clock, seconds

    def send(self, data: bytes) -> int:
        self._clock.jump(self._seconds)
        return self._sock.send(data)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_after_a_long_pass_the_next_one_waits_a_while_for_what_is_being_written(
    mock_clock: trio.testing.MockClock, is_kept: bool
) -> None:
    kept = trio.Event()
    async with open_lobby() as lobby:
        lobby.pump.settled = kept.wait
        client, theirs = lobby.connect(1001)
        client.outlet.sink = SlowSink(client.outlet.socket, mock_clock, 2 * TURN_S)  # type: ignore[attr-defined]
        lobby.say("one")
        await trio.testing.wait_all_tasks_blocked()
        assert theirs.recv(100) == b"[x]> one\n"  # the first one does not wait

        lobby.say("two")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        lobby.say("three")
        if is_kept:
            kept.set()
        else:
            mock_clock.jump(2 * TURN_S * WAIT_SHARE)
        await trio.testing.wait_all_tasks_blocked()
        assert theirs.recv(100) == b"[x]> two\n[x]> three\n"


async def test_m15_a_wait_for_which_there_is_no_memory_ends_nothing(mock_clock: trio.testing.MockClock) -> None:
    given_up: list[bool] = []

    async def settled() -> None:
        raise MemoryError

    async with open_lobby() as lobby:
        lobby.pump.settled, lobby.pump.on_memory_error = settled, lambda: given_up.append(True)
        client, theirs = lobby.connect(1001)
        client.outlet.sink = SlowSink(client.outlet.socket, mock_clock, 2 * TURN_S)  # type: ignore[attr-defined]
        for text in ("one", "two"):
            lobby.say(text)
            await trio.testing.wait_all_tasks_blocked()
            assert theirs.recv(100) == f"[x]> {text}\n".encode()
    assert given_up == [True]


async def test_after_a_short_pass_the_next_one_does_not_wait(mock_clock: trio.testing.MockClock) -> None:
    async with open_lobby() as lobby:
        lobby.pump.settled = trio.sleep_forever
        client, theirs = lobby.connect(1001)
        client.outlet.sink = SlowSink(client.outlet.socket, mock_clock, TURN_S / 2)  # type: ignore[attr-defined]
        for text in ("one", "two"):
            lobby.say(text)
            await trio.testing.wait_all_tasks_blocked()
            assert theirs.recv(100) == f"[x]> {text}\n".encode()
