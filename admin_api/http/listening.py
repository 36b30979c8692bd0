"""Open the admin port: needs nothing but Trio, so the port is bound long before Quart is imported."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

import trio


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long (seconds) and how much the HTTP side waits for and takes."""

    handshake_s: float = 10  # until a TLS handshake is done
    keep_alive_s: float = 5  # from connecting, or from the last answer, until the next request's header is whole
    body_s: float = 10  # until a request's body is whole
    answer_s: float = 30  # until an answer is sent; a live stream sets `response.timeout = None`
    stuck_s: float = 10  # for which a peer may take nothing of what we send
    linger_s: float = 1  # for which we still read, and throw away, after our last word
    header_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024
    connections: int = 256  # at once, so HTTP never eats the chat's file descriptors; idle ones make way


DEFAULT_LIMITS = HttpLimits()


async def open_listeners(host: str, port: int, limits: HttpLimits = DEFAULT_LIMITS) -> list[trio.SocketListener]:
    """Bind every address of `host` (empty and `::`: all of both families; port 0: any free one) or raise OSError."""
    listeners = await trio.open_tcp_listeners(port, host=None if host in ("", "::") else host)
    for listener in listeners:
        _drop_stuck_peers(listener, limits.stuck_s)
    return listeners


def adopt_listeners(sockets: Sequence[socket.socket], limits: HttpLimits = DEFAULT_LIMITS) -> list[trio.SocketListener]:
    """Take sockets that listen already."""
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(sock)) for sock in sockets]
    for listener in listeners:
        _drop_stuck_peers(listener, limits.stuck_s)
    return listeners


def urls_of(listeners: Sequence[trio.SocketListener], scheme: str = "http") -> list[str]:
    """Tell what was really bound, such as `http://127.0.0.1:8080`."""
    names = [listener.socket.getsockname() for listener in listeners]
    return [
        f"{scheme}://[{name[0]}]:{name[1]}" if ":" in name[0] else f"{scheme}://{name[0]}:{name[1]}" for name in names
    ]


def _drop_stuck_peers(listener: trio.SocketListener, stuck_s: float) -> None:
    # Accepted sockets inherit it. The kernel then ends a connection whose peer is gone or keeps its window shut,
    # tcp(7). Only Linux has it; elsewhere `answer_s` is the bound.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stuck_s * 1000))
