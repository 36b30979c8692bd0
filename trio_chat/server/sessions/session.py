"""A session: one connection from its first byte to its last.

Here it is found out who comes and how it is spoken to, and here every fault of a connection ends: the expected ones
quietly, anything else with one log line.
"""

import logging
import socket
import time
from collections.abc import Awaitable, Callable

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.frames import serve_frames
from trio_chat.server.sessions.lines import serve_lines
from trio_chat.server.transport.admission import Admission
from trio_chat.server.transport.sniff import Greeting, GreetingRefusal, classify
from trio_chat.server.transport.socket_peer import SNIFF_S, SocketPeer
from trio_chat.server.transport.tls import HANDSHAKE_S, open_tls
from trio_chat.wire.lines import encode_notice

PROXY_HEADER_S = 5

Serve = Callable[[SessionContext, SocketPeer], Awaitable[None]]

logger = logging.getLogger(__name__)


async def serve_connection(context: SessionContext, sock: socket.socket, address: str, port: int) -> None:
    """Serve one accepted, non-blocking socket until it ends, and close it. Raises nothing but Cancelled."""
    peer = SocketPeer(sock, address, port)
    try:
        if context.admission.is_proxy(address):
            await _read_proxy_header(peer)
        if _let_in(context.admission, peer) and (serve := await _recognise(context, peer)):
            await serve(context, peer)
    except* (OSError, trio.ClosedResourceError, trio.BrokenResourceError) as ends:
        logger.debug("%s port %d: %s", peer.address, peer.port, leaf_exceptions(ends)[0])
    except* Exception as faults:
        for fault in leaf_exceptions(faults):
            logger.error("the session of %s port %d failed", peer.address, peer.port, exc_info=fault)
    finally:
        context.admission.leave(peer.ticket)
        try:
            await peer.flush_farewell()
        finally:
            peer.close()


async def _read_proxy_header(peer: SocketPeer) -> None:
    """Learn who is behind a proxy. Raises trio.BrokenResourceError where it does not tell."""
    try:
        with trio.fail_after(PROXY_HEADER_S):
            await peer.read_proxy_header()
    except trio.TooSlowError as silence:
        raise trio.BrokenResourceError("no PROXY header came in time") from silence
    except ChatError as fault:
        _dismiss(peer, fault)
        raise trio.BrokenResourceError(fault.text) from fault


def _let_in(admission: Admission, peer: SocketPeer) -> bool:
    """Count a connection in. -> whether it may come in; else it was told why not, and is closed."""
    try:
        peer.ticket = admission.enter(peer.address, now=trio.current_time(), date=time.time())
    except ChatError as refusal:
        _dismiss(peer, refusal)
        return False
    return True


def _dismiss(peer: SocketPeer, refusal: ChatError) -> None:
    logger.info("refused %s port %d: %s", peer.address, peer.port, refusal.code)
    peer.reject_now(encode_notice(refusal.text))


async def _recognise(context: SessionContext, peer: SocketPeer) -> Serve | None:
    """Look at the first bytes. -> None where that was somebody who must not join."""
    must_encrypt = bool(context.tls and context.tls.is_required and not peer.is_encrypted)
    # Where TLS is required, nobody is waited for but a client that begins a handshake, which may take its time.
    verdict = classify(await peer.peek(HANDSHAKE_S if must_encrypt else SNIFF_S))
    if verdict is Greeting.TLS:
        if context.tls and not peer.is_encrypted:
            return _serve_tls
        verdict = GreetingRefusal.TLS
    elif must_encrypt and isinstance(verdict, Greeting):
        verdict = GreetingRefusal.PLAIN
    if isinstance(verdict, Greeting):
        return serve_frames if verdict is Greeting.FRAMES else serve_lines
    logger.info("refused %s from %s port %d", verdict.name, peer.address, peer.port)
    await peer.reject_politely(verdict.value)
    return None


async def _serve_tls(context: SessionContext, peer: SocketPeer) -> None:
    """Shake hands, and look again at what comes then."""
    assert context.tls
    async with open_tls(peer, context.tls.context) as inner:
        if serve := await _recognise(context, inner):
            await serve(context, inner)
