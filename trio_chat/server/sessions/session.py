"""A session: one connection from its first byte to its last.

It recognises the wire format, and catches every error of its connection: expected ones quietly, any other with one log
line.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.frames import serve_frames
from trio_chat.server.sessions.lines import serve_lines
from trio_chat.server.transport.admission import Admission
from trio_chat.server.transport.peer import FIRST_BYTES_TIMEOUT_S, Peer
from trio_chat.server.transport.sniff import Greeting, GreetingRefusal, classify, may_become_irc
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.server.transport.tls_peer import open_tls
from trio_chat.wire.lines import encode_notice

PROXY_HEADER_TIMEOUT_S = 5

TLS_OR_PLAIN_TIMEOUT_S = 1.0
"""Silence that means a plain client where TLS is optional. A lost packet is sent again after 0.2 s and a round
trip on Linux, after 1 s elsewhere (RFC 6298, 2.4); nobody with `nc` should wait for longer."""

TLS_HELLO_TIMEOUT_S = 4.0
"""Silence that means a plain client where TLS is required. Two lost packets cost a TLS client 3 s."""

HEALTH_CHECK_TIMEOUT_S = 10
"""Time for the first bytes where a PROXY header names no client; without any, there is no client."""

SESSIONS: Mapping[Greeting, Callable[[SessionContext, Peer], Awaitable[None]]] = MappingProxyType(
    {Greeting.LINES: serve_lines, Greeting.FRAMES: serve_frames}
)
"""The session of each wire format. TLS has none: the format inside it is recognised in turn."""

logger = logging.getLogger(__name__)


async def serve_connection(context: SessionContext, peer: SocketPeer) -> None:
    """Serve one accepted connection until it ends, and close it. Raises nothing but Cancelled.

    Ten thousand clients spend most of their time in this coroutine and that of their session: each variable costs 16
    bytes here, and another coroutine in between 250.
    """
    try:
        await (await _begin(context, peer))
    except* MemoryError:
        _give_up_memory(context, peer)
    except* Exception as errors:
        _report(peer, errors)
    finally:
        context.admission.leave(peer.ticket)
        await peer.finish()


def _give_up_memory(context: SessionContext, peer: SocketPeer) -> None:
    """Free memory, and log that a session failed for lack of it."""
    context.chat.rooms.budget.give_up()
    with suppress(MemoryError):
        logger.error("the session of %s port %d failed: there is no memory left", peer.address, peer.port)


def _report(peer: SocketPeer, errors: ExceptionGroup[Exception]) -> None:
    """Log why a session failed; quietly, where only its connection broke."""
    for error in leaf_exceptions(errors):
        if isinstance(error, (OSError, trio.ClosedResourceError, trio.BrokenResourceError)):
            logger.debug("%s port %d: %s", peer.address, peer.port, error)
        else:
            logger.error("the session of %s port %d failed", peer.address, peer.port, exc_info=error)


async def _begin(context: SessionContext, peer: SocketPeer) -> Awaitable[None]:
    """Admit a connection, and return its session, which may be no more than a refusal."""
    silence_s: float | None = None
    if context.admission.is_proxy(peer.address) and not await _read_proxy_header(peer):
        silence_s = HEALTH_CHECK_TIMEOUT_S
    if not _admit(context.admission, peer):
        raise trio.BrokenResourceError("the connection was refused")
    return await _choose(context, peer, silence_s)


async def _read_proxy_header(peer: SocketPeer) -> bool:
    """Take the address of the client from a proxy. -> whether there is a client behind it

    Raises trio.BrokenResourceError where no header comes in time.
    """
    try:
        with trio.fail_after(PROXY_HEADER_TIMEOUT_S):
            return await peer.read_proxy_header()
    except trio.TooSlowError as silence:
        raise trio.BrokenResourceError("no PROXY header came in time") from silence
    except ChatError as fault:
        _reject(peer, fault)
        raise trio.BrokenResourceError(fault.text) from fault


def _admit(admission: Admission, peer: SocketPeer) -> bool:
    """Admit a connection, or reject and close it. -> whether it was admitted"""
    try:
        peer.ticket = admission.enter(peer.address, now=trio.current_time(), date=time.time())
    except ChatError as refusal:
        _reject(peer, refusal)
        return False
    return True


def _reject(peer: SocketPeer, refusal: ChatError) -> None:
    logger.info("refused %s port %d: %s", peer.address, peer.port, refusal.code)
    peer.reject_now(encode_notice(refusal.text))


async def _choose(context: SessionContext, peer: SocketPeer, silence_s: float | None) -> Awaitable[None]:
    """Return the session of a plain connection, or that of the TLS connection that begins in it; see `_recognise`."""
    greeting = await _recognise(context, peer, silence_s)
    return _serve_tls(context, peer, silence_s) if greeting is Greeting.TLS else _serve_as(greeting, context, peer)


async def _serve_tls(context: SessionContext, peer: SocketPeer, silence_s: float | None) -> None:
    assert context.tls
    async with open_tls(peer, context.tls) as encrypted:
        await _serve_as(await _recognise(context, encrypted, silence_s), context, encrypted)


def _serve_as(greeting: Greeting | GreetingRefusal, context: SessionContext, peer: Peer) -> Awaitable[None]:
    """Return the session of a client that greets so, or the refusal of one that must not join."""
    if isinstance(greeting, Greeting):
        return SESSIONS[greeting](context, peer)
    logger.info("refused %s from %s port %d", greeting.name, peer.address, peer.port)
    return peer.reject_politely(greeting.value)


async def _recognise(context: SessionContext, peer: Peer, silence_s: float | None) -> Greeting | GreetingRefusal:
    """Classify a connection by its first bytes, where TLS may be missing, required or begun already.

    Raises trio.BrokenResourceError where there is no client: the connection ends without a byte, as health checks, port
    scans and `nc -z` do, or sends none for `silence_s`. If that is None, a silent connection is a client.
    """
    must_encrypt = bool(context.tls and context.tls.is_required and not peer.is_encrypted)
    first = await peer.peek(silence_s or _greeting_timeout_s(context, peer))
    await context.turnstile.wait_turn()
    if first == b"" or (first is None and silence_s):
        raise trio.BrokenResourceError("nobody came: not a byte was sent")
    if first and may_become_irc(first):
        await trio.sleep(FIRST_BYTES_TIMEOUT_S)
        first = await peer.peek()
    verdict = classify(first or b"")
    if verdict is Greeting.TLS:
        return verdict if context.tls and not peer.is_encrypted else GreetingRefusal.TLS
    if must_encrypt and isinstance(verdict, Greeting):
        return GreetingRefusal.PLAIN
    return verdict


def _greeting_timeout_s(context: SessionContext, peer: Peer) -> float:
    """Return the time to wait for the first bytes of a connection, by the formats that it may still speak."""
    if context.tls is None or peer.is_encrypted:
        return FIRST_BYTES_TIMEOUT_S
    return TLS_HELLO_TIMEOUT_S if context.tls.is_required else TLS_OR_PLAIN_TIMEOUT_S
