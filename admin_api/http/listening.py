"""Opening the admin port. Needs no Quart, so the port is bound long before that is imported."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from trio_chat.named_sockets import listen_at_name


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Timeouts (seconds) and sizes of the HTTP side."""

    handshake_s: float = 10  # for a TLS handshake
    keep_alive_s: float = 5  # from the connect, or the last answer, to the end of the next request's header
    body_s: float = 10  # for the body of a request
    answer_s: float = 30  # for sending an answer; a live stream sets `response.timeout = None`
    slow_s: float = 0.5  # of waiting for a peer to take something; then its connection makes way for new ones
    stuck_s: float = 10  # for a peer that takes nothing; then the kernel ends the connection
    linger_s: float = 1  # of draining after the last answer
    header_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024
    connections: int = 256  # at once, to leave file descriptors for the chat; idle ones are closed for new ones


DEFAULT_LIMITS = HttpLimits()

MAKE_WAY = "make_way"
"""Key in the state of an ASGI scope, for a function that makes the connection give way to new ones from now on."""


async def open_listeners(host: str, port: int, limits: HttpLimits = DEFAULT_LIMITS) -> list[trio.SocketListener]:
    """Bind every address of `host` (empty and `::`: all of both families; port 0: any free one) or raise OSError."""
    if host not in ("", "::"):
        return adopt_listeners(listen_at_name(host, port), limits)
    listeners = await trio.open_tcp_listeners(port)
    for listener in listeners:
        _drop_stuck_peers(listener, limits.stuck_s)
    return listeners


def adopt_listeners(sockets: Sequence[socket.socket], limits: HttpLimits = DEFAULT_LIMITS) -> list[trio.SocketListener]:
    """Make listeners of sockets that are listening already, such as systemd's."""
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(sock)) for sock in sockets]
    for listener in listeners:
        _drop_stuck_peers(listener, limits.stuck_s)
    return listeners


def urls_of(listeners: Sequence[trio.SocketListener], scheme: str = "http") -> list[str]:
    """Return the URLs of the bound addresses, such as `http://127.0.0.1:8080`."""
    names = [listener.socket.getsockname() for listener in listeners]
    return [
        f"{scheme}://[{name[0]}]:{name[1]}" if ":" in name[0] else f"{scheme}://{name[0]}:{name[1]}" for name in names
    ]


def _drop_stuck_peers(listener: trio.SocketListener, stuck_s: float) -> None:
    # Accepted sockets inherit it. The kernel then ends a connection whose peer is gone or keeps its window closed,
    # see tcp(7). Only Linux has it; elsewhere `answer_s` is the bound.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stuck_s * 1000))
