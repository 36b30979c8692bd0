import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.link import (
    CONNECT_TIMEOUT_S,
    CUT_MARK,
    LINE_MAX_BYTES,
    Ended,
    Happening,
    LineCutter,
    LineReceived,
    Link,
    LinkError,
    open_link,
)

CLOSED = Ended("the server closed the connection", is_orderly=True)


@asynccontextmanager
async def linked(peer: Any) -> AsyncIterator[Link]:
    async with open_link("localhost", peer.port) as link, await peer.accept():
        yield link


async def all_of(link: Link) -> list[Happening]:
    with trio.fail_after(5):
        return [happening async for batch in link for happening in batch]


async def why_not(host: str, port: int) -> str:
    with pytest.raises(LinkError) as caught:
        async with open_link(host, port):
            pytest.fail("that place cannot be reached")
    return str(caught.value)


async def test_what_the_server_sends_happens_line_by_line(peer: Any) -> None:
    async with linked(peer) as link:
        await peer.stream.send_all("[a]> grüße\r\n\n*** b".encode())
        await peer.stream.aclose()

        happenings = await all_of(link)

    assert happenings == [LineReceived("[a]> grüße"), LineReceived(""), LineReceived("*** b"), CLOSED]


async def test_lines_are_sent_in_order_and_each_stays_one_line(peer: Any) -> None:
    async with linked(peer) as link:
        await link.send("one", "two\n/quit", "grüße")
        await link.finish()

        assert await peer.read_all() == "one\ntwo /quit\ngrüße\n".encode()


async def test_bytes_that_are_not_utf_8_go_out_as_they_were_typed(peer: Any) -> None:
    async with linked(peer) as link:
        await link.send(b"caf\xe9".decode(errors="surrogateescape"))

        assert await peer.read_until(b"\n") == b"caf\xe9\n"


async def test_the_server_is_heard_after_the_last_word(peer: Any) -> None:
    async with linked(peer) as link:
        await link.finish()
        await peer.read_all()
        await peer.stream.send_all(b"still here\n")
        await peer.stream.aclose()

        assert await all_of(link) == [LineReceived("still here"), CLOSED]


async def test_a_reset_connection_has_not_ended_in_order(peer: Any) -> None:
    async with linked(peer) as link:
        peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await peer.stream.aclose()

        assert await all_of(link) == [Ended("the connection broke: connection reset by peer", is_orderly=False)]


async def test_what_could_not_be_sent_shows_in_how_it_ended(peer: Any) -> None:
    async with linked(peer) as link:
        await peer.stream.aclose()
        await link.send("the kernel still takes this")
        await link.send("and nobody takes this")

        (ended,) = await all_of(link)

    assert isinstance(ended, Ended)
    assert not ended.is_orderly


async def test_a_name_that_does_not_exist_is_said_to() -> None:
    assert await why_not("x" * 64, 5555) == f"cannot reach {'x' * 64} port 5555: there is no such name or address"


async def test_a_lookup_that_failed_says_what_to_check() -> None:
    class NoNetwork(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *_: Any) -> Any:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

        async def getnameinfo(self, *_: Any) -> Any:
            raise NotImplementedError

    trio.socket.set_custom_hostname_resolver(NoNetwork())

    assert "the name could not be looked up; is there a network?" in await why_not("chat.example.org", 5555)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_asks_the_right_questions(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    reason = "the connection was refused; is the server running, and is this its port?"
    assert await why_not(host, port) == f"cannot reach {host} port {port}: {reason}"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
async def test_an_ipv6_address_is_an_address_in_brackets_too(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert "no such name" not in await why_not(host, port)


async def test_a_server_that_does_not_answer_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        start = trio.current_time()

        why = await why_not("127.0.0.1", server.getsockname()[1])

    assert why.endswith(f": no answer within {CONNECT_TIMEOUT_S} s")
    assert trio.current_time() - start == CONNECT_TIMEOUT_S


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))), st.data())
def test_lines_are_whole_wherever_their_bytes_are_split(lines: list[str], data: st.DataObject) -> None:
    sent = "".join(f"{line}\n" for line in lines).encode()
    cuts = data.draw(st.lists(st.integers(0, len(sent))).map(sorted))
    cutter = LineCutter()

    received = [
        line for start, end in pairwise([0, *cuts, len(sent)]) for line in cutter.feed(sent[start:end])
    ] + cutter.finish()

    assert received == lines


def test_an_endless_line_is_shown_in_part_and_skipped_to_its_end() -> None:
    cutter = LineCutter()

    received = [line for _ in range(1000) for line in cutter.feed(b"x" * 10_000)] + cutter.feed(b"end\nnext\n")

    assert received == ["x" * LINE_MAX_BYTES + CUT_MARK, "next"]


@pytest.mark.parametrize("size", [LINE_MAX_BYTES - 1, LINE_MAX_BYTES])
def test_a_line_up_to_the_limit_is_whole(size: int) -> None:
    assert LineCutter().feed(b"x" * size + b"\n") == ["x" * size]
