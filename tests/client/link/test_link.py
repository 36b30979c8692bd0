"""The link against a server that does what a test tells it to, and worse."""

import json
import resource
import socket
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.conftest import PATIENCE_S
from trio_chat import __version__
from trio_chat.chat.accounts.account import raw_key
from trio_chat.chat.accounts.proof import UNBOUND, message_of, signed_bytes
from trio_chat.chat.wording import LATE_HELLO, notice
from trio_chat.client.link.address import ALTERNATIVE_TIMEOUT_S, LinkError, TcpAddress
from trio_chat.client.link.backoff import MIN_DELAY_S, Backoff
from trio_chat.client.link.connection import RESEND_INTERVAL_S, WELCOME_TIMEOUT_S
from trio_chat.client.link.event_queue import EventQueue
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Delayed,
    Disconnected,
    Ended,
    Failed,
    LinkNotice,
    Pending,
    Received,
    Sent,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import PENDING_MAX, Outbox, OutboxError, open_outbox
from trio_chat.client.link.signing import OwnKey
from trio_chat.wire import frames

HELLO = frames.Say(room="lobby", text="hello")

VERSIONS = f"is it another version? Then join with a client of that version; this is trio-chat {__version__}"
MISSING = "Object missing required field"

LATER: dict[str, object] = {
    "type": "welcome",
    "protocol": 2,
    "epoch": "e",
    "server": "trio-chat 9.0.0",
    "you": {"id": "c1", "label": "alice", "address": "1.2.3.4:5"},
    "resumed": False,
    "rooms": [],
    "limits": {},
}
"""The welcome of a server of some day."""


@pytest.fixture
def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    with open_outbox("test", folder=tmp_path) as outbox:
        yield outbox


@asynccontextmanager
async def linked(peer: Any, outbox: Outbox, **identity: Any) -> AsyncIterator[Link]:
    """Be let in by the peer."""
    address = TcpAddress("127.0.0.1", peer.port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.welcome)
        async with open_link(address, Identity(**identity), outbox) as link:
            yield link


async def until(link: Link, kind: type) -> list[Any]:
    """Wait for the first of a kind. -> all that happened up to then"""
    happened: list[Any] = []
    with trio.fail_after(100 * PATIENCE_S):
        while not any(isinstance(what, kind) for what in happened):
            happened += await anext(link)
    return happened


async def refusal(peer: Any, outbox: Outbox, *answers: dict[str, object]) -> str:
    """Be answered so instead of being let in. -> what the link makes of it"""

    async def answer() -> None:
        await peer.accept()
        await peer.frame()
        for frame in answers:
            await peer.send(**frame)
        await peer.stream.send_eof()

    with pytest.RaisesGroup(LinkError) as caught:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            with pytest.raises(ExceptionGroup) as inner:
                async with open_link(TcpAddress("127.0.0.1", peer.port), Identity(), outbox):
                    pytest.fail("it was not let in")
            raise inner.value.exceptions[0]
    return str(caught.value.exceptions[0])


async def test_a_server_that_vanishes_is_noticed_within_45_s(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        start = trio.current_time()

        *_, lost = await until(link, Disconnected)

    assert lost.reason == "nothing came from the server for 35 s"
    assert trio.current_time() - start <= 45


async def test_a_server_that_answers_pings_is_not_taken_for_dead(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        for _ in range(10):
            assert b'"ping"' in await peer.read_until(b"\n")
            await peer.send(type="pong")
        await peer.tell(1, "still here")

        (heard,) = await until(link, Received)

    assert heard.entry.text == "still here"
    assert trio.current_time() >= 150


async def test_a_server_that_says_nothing_at_all_is_given_up(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    start = trio.current_time()

    with pytest.RaisesGroup(
        pytest.RaisesExc(LinkError, match=f"nothing came from the server within {WELCOME_TIMEOUT_S} s")
    ):
        async with open_link(TcpAddress("127.0.0.1", peer.port), Identity(), outbox):
            pytest.fail("it was not let in")

    assert trio.current_time() - start == WELCOME_TIMEOUT_S


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"type": "error", "code": "protocol", "text": "this server speaks version 2"},
            "the server refuses: this server speaks version 2",
        ),
        ({"type": "bye", "reason": "full", "text": "too many are here", "retry_s": 5}, "too many are here"),
        ({"type": "pong"}, "the server closed the connection"),
        (
            {"type": "welcome", "protocol": 1},
            f"the server sent a welcome that this client cannot read: {MISSING} `epoch`; {VERSIONS}",
        ),
        (
            LATER,
            f"the server sent a welcome of protocol 2, and this client speaks protocol 1 alone; {VERSIONS}",
        ),
        (
            {"jsonrpc": "2.0"},
            f"the server sent a frame that this client cannot read: {MISSING} `type`; "
            "is that the port of a trio-chat server?",
        ),
    ],
)
async def test_a_client_refused_at_first_learns_why(
    peer: Any, outbox: Outbox, answer: dict[str, object], reason: str
) -> None:
    assert await refusal(peer, outbox, answer) == reason


@pytest.mark.parametrize("welcome", [{"type": "welcome", "protocol": 1, "epoch": 3}, LATER])
async def test_a_server_that_became_one_of_another_version_is_left_at_once(
    peer: Any, outbox: Outbox, welcome: dict[str, object]
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await peer.stream.aclose()
        await until(link, Disconnected)
        await peer.accept()
        await peer.frame()
        await peer.send(**welcome)

        *_, ended = await until(link, Ended)

    assert not ended.is_orderly
    assert VERSIONS in ended.reason


async def test_a_server_that_sends_only_unknown_frames_is_not_called_silent(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async def frobnicate() -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(type="frobnicate")

    with pytest.RaisesGroup(pytest.RaisesExc(LinkError, match="no welcome came"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(frobnicate)
            async with open_link(TcpAddress("127.0.0.1", peer.port), Identity(), outbox):
                pytest.fail("it was not let in")


async def test_a_server_that_waits_for_another_password_is_not_waited_for(peer: Any, outbox: Outbox) -> None:
    async def answer() -> None:
        await peer.accept()
        await peer.frame()
        await peer.send(type="error", code="password", text="wrong password")
        await peer.read_all()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.RaisesGroup(pytest.RaisesExc(LinkError, match="the server refuses: wrong password")) as caught:
            async with open_link(Noisy("127.0.0.1", peer.port), Identity(), outbox):
                pytest.fail("it was not let in")

    assert caught.value.exceptions[0].__notes__ == ["this is new"]


class Noisy(TcpAddress):
    """Has something to tell about the connection."""

    async def connect(self, tell: Any) -> trio.SocketStream:
        tell("this is new")
        return await super().connect(tell)


class TwoAddresses(trio.abc.HostnameResolver):
    """Finds two addresses of any host."""

    async def getaddrinfo(self, host: Any, port: Any, *_: Any) -> Any:
        ips = ("127.0.0.2", "127.0.0.1") if host == b"chat.example.org" else (host.decode(),)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (ip, port)) for ip in ips]

    async def getnameinfo(self, *_: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_the_second_address_of_a_host_is_tried_where_the_first_is_mute(
    peer: Any, outbox: Outbox, nursery: trio.Nursery, mock_clock: trio.testing.MockClock, hangs_up: bool
) -> None:
    mock_clock.rate = 10
    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    (mute,) = await trio.open_tcp_listeners(peer.port, host="127.0.0.2")
    callers: list[trio.SocketStream] = []

    async def accept() -> None:
        while True:
            callers.append(await mute.accept())
            if hangs_up:
                await callers[-1].aclose()

    async with mute:
        nursery.start_soon(accept)
        nursery.start_soon(peer.welcome)
        async with open_link(TcpAddress("chat.example.org", peer.port), Identity(), outbox) as link:
            await until(link, Connected)
            await peer.stream.aclose()
            await until(link, Disconnected)
            await peer.welcome()  # at the address that answered, without another try of the mute one
            await until(link, Connected)
        for caller in callers:
            await trio.aclose_forcefully(caller)
        nursery.cancel_scope.cancel()

    assert len(callers) == 1


async def test_a_host_whose_addresses_are_all_mute_is_given_up_after_one_try_of_each(
    outbox: Outbox, autojump_clock: trio.testing.MockClock, peer: Any
) -> None:
    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    (other,) = await trio.open_tcp_listeners(peer.port, host="127.0.0.2")

    async with other:
        with pytest.RaisesGroup(pytest.RaisesExc(LinkError, match="nothing came from the server within 15 s")):
            async with open_link(TcpAddress("chat.example.org", peer.port), Identity(), outbox):
                pytest.fail("it was not let in")

    assert trio.current_time() == pytest.approx(ALTERNATIVE_TIMEOUT_S + WELCOME_TIMEOUT_S, abs=0.1)


async def test_an_address_that_was_mute_is_tried_again_where_no_other_accepts(peer: Any) -> None:
    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    address = TcpAddress("chat.example.org", peer.port)
    async with await address.connect(pytest.fail):
        assert address.avoid()

    async with await address.connect(pytest.fail) as stream:
        assert stream.socket.getpeername() == ("127.0.0.1", peer.port)


async def test_a_server_that_asks_to_come_back_later_is_obeyed(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await peer.send(type="bye", reason="stopping", text="back in an hour", retry_s=600)
        await peer.stream.aclose()
        start = trio.current_time()

        *_, lost = await until(link, Disconnected)
        await peer.welcome()

    assert lost.reason == "back in an hour"
    assert 600 <= trio.current_time() - start <= 601


@pytest.mark.parametrize("reason", ["kicked", "resumed", "something new"])
async def test_a_server_that_does_not_say_when_to_come_back_is_left_alone(
    peer: Any, outbox: Outbox, reason: str
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await peer.send(type="bye", reason=reason, text="go away")
        await peer.stream.aclose()

        *_, ended = await until(link, Ended)

    assert ended == Ended("go away", is_orderly=False)


async def test_a_message_that_could_not_be_kept_is_sent_again_after_a_while(
    peer: Any, outbox: Outbox, mock_clock: trio.testing.MockClock
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await link.say(HELLO)
        said = await peer.frame()
        await peer.send(type="error", code="not-kept", text="the disk is full", key=said["key"])
        await until(link, Delayed)
        mock_clock.jump(RESEND_INTERVAL_S)

        assert await peer.frame() == said
        await peer.aclose()  # by this clock the link would wait for that for ever


async def test_a_link_that_ends_while_it_sends_says_bye_behind_a_whole_frame(
    peer: Any, outbox: Outbox, mock_clock: trio.testing.MockClock
) -> None:
    sent: list[dict[str, Any]] = []

    async def read() -> None:
        data = await peer.read_all()
        sent.extend(map(json.loads, data.splitlines()))
        await peer.aclose()

    async with trio.open_nursery() as nursery, linked(peer, outbox) as link:
        await until(link, Connected)
        await link.say(*[frames.Say(room="lobby", text="x" * frames.TEXT_LIMIT)] * PENDING_MAX)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(read)

    *said, bye = [frame["type"] for frame in sent]
    assert bye == "bye"
    assert 0 < said.count("say") == len(said) < PENDING_MAX  # nobody had read them: the kernel took no more
    assert len(link.pending) == PENDING_MAX


async def test_a_link_that_has_not_said_hello_has_nobody_to_leave(peer: Any, outbox: Outbox, tmp_path: Path) -> None:
    address, signer = TcpAddress("127.0.0.1", peer.port), OwnKey(tmp_path / "key")
    await signer.make_key()

    async def connect() -> None:
        async with open_link(address, Identity(nick="fred"), outbox, signer=signer):
            pytest.fail("it was not let in")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        await peer.accept()
        assert (await peer.frame())["type"] == "challenge"
        nursery.cancel_scope.cancel()

    with trio.fail_after(PATIENCE_S):
        assert await peer.stream.receive_some() == b""


async def test_too_much_is_refused_rather_than_held(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await link.say(*[HELLO] * (PENDING_MAX + 1))

        happened = await until(link, Failed)

    assert [type(what) for what in happened] == [Pending] * PENDING_MAX + [Failed]
    assert happened[-1].reason == "too many lines are waiting already"


async def test_two_tasks_that_speak_at_once_share_the_space(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        async with trio.open_nursery() as nursery, outbox._limiter:  # the disk is slow
            for _ in range(2):
                nursery.start_soon(link.say, *[HELLO] * PENDING_MAX)
            await trio.testing.wait_all_tasks_blocked()

        assert len(link.pending) == PENDING_MAX


async def test_a_message_that_is_being_kept_takes_space_until_it_is_given_up(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link, trio.open_nursery() as nursery:
        await until(link, Connected)
        async with outbox._limiter, trio.open_nursery() as speaking:  # the disk is slow
            speaking.start_soon(link.say, *[HELLO] * PENDING_MAX)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(partial(link.wait_for_space, 1, is_persistent=True))
            await trio.testing.wait_all_tasks_blocked()
            assert nursery.child_tasks

            speaking.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        is_waiting = bool(nursery.child_tasks)
        nursery.cancel_scope.cancel()
    assert not is_waiting


async def test_a_link_that_is_not_persistent_waits_for_space_only_while_connected(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link, trio.open_nursery() as nursery:
        await until(link, Connected)
        await link.say(*[HELLO] * PENDING_MAX)

        for _ in range(2):
            nursery.start_soon(partial(link.wait_for_space, 1, is_persistent=False))
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 2
        await peer.stream.aclose()

        await until(link, Disconnected)
        await trio.testing.wait_all_tasks_blocked()
        assert not nursery.child_tasks


@pytest.mark.parametrize(
    ("text", "reason"),
    [("x" * 4097, "line too long: at most 4096 characters"), ("caf\udce9", "line is not valid UTF-8")],
)
async def test_a_message_that_can_never_be_said_fails_at_once(
    peer: Any, outbox: Outbox, text: str, reason: str
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        await link.say(frames.Say(room="lobby", text=text), HELLO)

        failed, pending = await until(link, Pending)

    assert isinstance(failed, Failed)
    assert failed.reason == reason
    assert pending.message.text == "hello"


async def test_a_disk_that_takes_nothing_is_told_once_and_lines_are_sent_all_the_same(
    peer: Any, outbox: Outbox
) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        outbox.close()

        await link.say(HELLO)
        await link.say(HELLO)
        await peer.keep(1)
        await peer.keep(2)
        happened = await until(link, Sent)

    assert len([what for what in happened if isinstance(what, LinkNotice)]) == 1
    with pytest.raises(OutboxError):
        await outbox.add([HELLO])


# M11: a hostile server


async def test_m11_an_invalid_frame_is_ignored_and_later_ones_are_handled(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        for line in (
            b"*** hello ***",
            b"\x00\xff",
            b"{" * 1000,
            b'{"type":"frobnicate"}',
            b"null",
            b'{"type":"entry"}',
        ):
            await peer.stream.send_all(line + b"\n")
        await peer.tell(1, "hi")

        (heard,) = await until(link, Received)

    assert heard.entry.text == "hi"


async def test_m11_a_server_that_says_much_and_lets_nobody_in_is_given_up(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async def print_error() -> None:
        await peer.accept()
        await peer.frame()
        await peer.stream.send_all(b'{"type":"error","code":"x","text":"no"}\n' * 2 * EventQueue.HIGH_WATER)

    with pytest.RaisesGroup(pytest.RaisesExc(LinkError, match="the server refuses: no"), flatten_subgroups=True):
        with trio.fail_after(2 * WELCOME_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(print_error)
                async with open_link(TcpAddress("127.0.0.1", peer.port), Identity(), outbox):
                    pytest.fail("it was not let in")


async def test_m11_an_endless_line_is_skipped_in_bounded_memory(peer: Any, outbox: Outbox) -> None:
    async with linked(peer, outbox) as link:
        await until(link, Connected)
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(1000):
            await peer.stream.send_all(b"x" * 100_000)
        await peer.stream.send_all(b"\n")
        await peer.tell(1, "hi")

        (heard,) = await until(link, Received)

    assert heard.entry.text == "hi"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 64 * 1024


async def test_m11_entries_that_nobody_looks_at_wait_at_the_server(peer: Any, outbox: Outbox) -> None:
    entry = '{"type":"entry","id":%d,"room":"lobby","kind":"said","time":0,"author":"a","text":"x"}\n'
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while sent < 10**6:
            await peer.stream.send_all("".join(entry % number for number in range(sent, sent + 1000)).encode())
            sent += 1000

    async with linked(peer, outbox) as link, trio.open_nursery() as nursery:
        await until(link, Connected)
        nursery.start_soon(flood)
        await trio.testing.wait_all_tasks_blocked(0.1)  # the kernel takes no more, and the link no more from it
        batch = await anext(link)
        nursery.cancel_scope.cancel()

    assert sent < 10**6
    assert len(batch) < 10 * EventQueue.HIGH_WATER


async def test_a_hello_that_was_too_late_is_said_again_soon_each_time_also_the_first(
    peer: Any, outbox: Outbox, autojump_clock: trio.testing.MockClock
) -> None:
    async def hear_it_late() -> None:
        for _ in range(5):
            await peer.accept()
            await peer.frame()
            await peer.stream.send_all(f"[bob]> hi\n{notice(LATE_HELLO)}\n".encode())
            await peer.stream.aclose()
        await peer.welcome()

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear_it_late)
        async with open_link(TcpAddress("127.0.0.1", peer.port), Identity(), outbox) as link:
            assert link.is_connected
    assert trio.current_time() - start <= 5 * 2 * MIN_DELAY_S


async def test_one_who_wants_a_single_connection_does_not_come_back(peer: Any, outbox: Outbox) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.welcome)
        async with open_link(
            TcpAddress("127.0.0.1", peer.port), Identity(), outbox, backoff=Backoff(is_once=True)
        ) as link:
            await peer.stream.aclose()
            ended = (await until(link, Ended))[-1]

    assert not ended.is_orderly


async def test_a_member_stays_who_they_are_on_this_connection(
    peer: Any, outbox: Outbox, nursery: trio.Nursery, tmp_path: Path
) -> None:
    """The server gives the session of a member to no other name, so that trying would end the client."""
    you = {"id": "c1", "label": "fred", "address": "1.2.3.4:5", "account": "9f" * 8}
    nursery.start_soon(partial(peer.welcome, you=you))
    address, identity, signer = TcpAddress("127.0.0.1", peer.port), Identity(nick="fred"), OwnKey(tmp_path / "key")
    async with open_link(address, identity, outbox, signer=signer) as link:
        await until(link, Connected)

        assert link.log_in("alice") == "you are [fred®] here: connect again to be somebody else"
        assert link.is_connected


async def test_a_name_is_claimed_with_a_key_that_is_made_for_it(
    peer: Any, outbox: Outbox, nursery: trio.Nursery, tmp_path: Path
) -> None:
    nursery.start_soon(peer.welcome)
    address, identity = TcpAddress("127.0.0.1", peer.port), Identity(nick="fred")
    async with open_link(address, identity, outbox, signer=OwnKey(tmp_path / "key")) as link:
        await until(link, Connected)
        link.ask(frames.ClaimName(proof=frames.Proof()))

        asked = await peer.frame()
        await peer.send(type="challenge", nonce="0f" * 32, epoch="e", key=asked["key"])
        claim = await peer.frame()
        await peer.send(type="named", label="fred", account="9f" * 8, key=claim["key"])
        await until(link, Answered)

    assert link.account == "9f" * 8
    message = message_of("claim", epoch="e", nonce="0f" * 32, name="fred", binding=UNBOUND)
    signature = b64decode(claim["proof"]["signature"])
    Ed25519PublicKey.from_public_bytes(raw_key(claim["proof"]["key"])).verify(signature, signed_bytes(message))


async def test_a_damaged_key_of_ones_own_keeps_nobody_out(
    peer: Any, outbox: Outbox, nursery: trio.Nursery, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("rubbish")

    async def serve() -> None:
        await peer.accept()
        assert (await peer.frame())["type"] == "challenge"
        await peer.send(type="challenge", nonce="0f" * 32, epoch="e", key="proving")
        await peer.enter(await peer.frame())

    nursery.start_soon(serve)
    address, identity = TcpAddress("127.0.0.1", peer.port), Identity(nick="fred")
    async with open_link(address, identity, outbox, signer=OwnKey(tmp_path / "key")) as link:
        happened = await until(link, Connected)

    assert any(isinstance(what, LinkNotice) and "cannot use the key" in what.text for what in happened)
