"""The admin app over TLS."""

import ssl
from collections.abc import Awaitable, Callable

import pytest
import trio
import trustme

from admin_api.http.listening import HttpLimits, open_listeners
from admin_api.http.serving import serve_http
from tests.conftest import PATIENCE_S

CLOSE = b"GET /acts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Vault:
    """A site over TLS, and the certificate that it has at the moment."""

    def __init__(self, make_site) -> None:
        self.authority = trustme.CA()
        self.site = make_site()
        self.renew()

    def renew(self) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("localhost").configure_cert(self.context)

    async def connect(self) -> trio.SSLStream[trio.SocketStream]:
        """Connect, as one who takes an end without a word for a fault."""
        trusting = ssl.create_default_context()
        self.authority.configure_trust(trusting)
        stream = trio.SSLStream(await self.site.connect(), trusting, server_hostname="localhost")
        await stream.do_handshake()
        return stream


async def rest_of(stream: trio.abc.ReceiveStream) -> bytes:
    with trio.fail_after(PATIENCE_S):
        return b"".join([bytes(data) async for data in stream])


Open = Callable[..., Awaitable[Vault]]


@pytest.fixture
async def open_vault(nursery: trio.Nursery, make_site) -> Open:
    async def open_with(limits: HttpLimits = HttpLimits()) -> Vault:  # noqa: B008  # frozen
        vault = Vault(make_site)
        listeners = await open_listeners("127.0.0.1", 0, limits)

        async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
            await serve_http(
                vault.site.app, listeners, limits=limits, get_context=lambda: vault.context, task_status=task_status
            )

        (vault.site.url,) = await nursery.start(serve)
        return vault

    return open_with


async def test_an_answer_ends_with_a_word_that_it_is_whole(open_vault: Open) -> None:
    vault = await open_vault(HttpLimits(keep_alive_s=60, linger_s=60))

    async with await vault.connect() as stream:
        await stream.send_all(CLOSE)
        answer = await rest_of(stream)

    assert vault.site.url.startswith("https://")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"done\n")


async def test_a_connection_serves_one_request_after_the_other(open_vault: Open) -> None:
    vault = await open_vault()

    async with await vault.connect() as stream:
        await stream.send_all(CLOSE.replace(b"Connection: close\r\n", b""))
        first = b""
        while not first.endswith(b"done\n"):
            first += await stream.receive_some()
        await stream.send_all(CLOSE)
        second = await rest_of(stream)

    assert first.startswith(b"HTTP/1.1 200")
    assert second.startswith(b"HTTP/1.1 200")
    assert vault.site.acts == ["GET", "GET"]


async def test_at_the_limit_unfinished_handshakes_are_closed(open_vault: Open) -> None:
    vault = await open_vault(HttpLimits(connections=2, handshake_s=60, keep_alive_s=60))
    silent = [await vault.site.connect() for _ in range(6)]

    with trio.fail_after(PATIENCE_S):
        async with await vault.connect() as stream:
            await stream.send_all(CLOSE)
            assert (await rest_of(stream)).startswith(b"HTTP/1.1 200")

    for stream in silent:
        await trio.aclose_forcefully(stream)


async def test_the_413_reaches_a_peer_that_reads_only_when_it_has_sent(open_vault: Open, read_to_the_end) -> None:
    vault = await open_vault(HttpLimits(keep_alive_s=60, linger_s=60))

    async with await vault.connect() as stream:
        await stream.send_all(b"POST /acts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n\r\n")
        await stream.send_all(b"x" * 999_999)
        answer = await read_to_the_end(stream)

    assert answer.startswith(b"HTTP/1.1 413")
    assert vault.site.acts == []


async def test_a_renewed_certificate_is_shown_to_those_who_come_then(open_vault: Open) -> None:
    vault = await open_vault()
    before = await vault.connect()
    vault.renew()

    after = await vault.connect()

    assert before.getpeercert(binary_form=True) != after.getpeercert(binary_form=True)
    await before.send_all(CLOSE)
    assert (await rest_of(before)).startswith(b"HTTP/1.1 200")
    for stream in (before, after):
        await trio.aclose_forcefully(stream)


async def test_a7_a_handshake_that_is_left_halfway_is_closed_in_time(open_vault: Open) -> None:
    vault = await open_vault(HttpLimits(handshake_s=0.05))

    async with await vault.site.connect() as stream:
        await stream.send_all(b"\x16\x03\x01")

        assert await rest_of(stream) == b""


async def test_plain_http_is_not_answered_and_ends_nothing_else(open_vault: Open, caplog, read_to_the_end) -> None:
    vault = await open_vault()

    async with await vault.site.connect() as plain:
        await plain.send_all(CLOSE)
        answer = await read_to_the_end(plain)
    async with await vault.connect() as stream:
        await stream.send_all(CLOSE)

        assert (await rest_of(stream)).endswith(b"done\n")
    assert b"HTTP" not in answer
    assert vault.site.acts == ["GET"]
    assert not caplog.records
