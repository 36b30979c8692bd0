"""The listener of the chat port: binding and accepting. No peer and no shortage of the machine ends it."""

import errno
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable

import trio

from trio_chat.named_sockets import listen_at_name
from trio_chat.server.liveness_timeouts import (
    KEEPALIVE_IDLE_S,
    KEEPALIVE_INTERVAL_S,
    KEEPALIVE_PROBES,
    USER_TIMEOUT_S,
)
from trio_chat.server.transport.socket_peer import SocketPeer

BACKLOG = 4096
"""A short queue stalls storms of connections; the kernel caps this at net.core.somaxconn."""

SEND_BUFFER_BYTES = 128 * 1024
"""Left to itself the kernel hoards megabytes for every stuck reader."""

ACCEPTS_PER_TURN = 32

TASK_NAME = "session"
"""The name of all session tasks: one each would cost 90 bytes a connection."""

EXHAUSTED_RETRY_S = 0.25
"""Wait before accepting again where the system is out of files or memory."""

EXHAUSTED_LOG_EVERY_S = 1.0

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_MAPPED_IPV4 = "::ffff:"

# Accepted sockets inherit all of these, which saves a call for each.
_OPTIONS = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", KEEPALIVE_IDLE_S),  # the name of TCP_KEEPIDLE on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", KEEPALIVE_PROBES),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", USER_TIMEOUT_S * 1000),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_SNDBUF", SEND_BUFFER_BYTES),
    # A telnet may send the first byte of a command as urgent: out of line, it would be lost, and the second no UTF-8.
    (socket.SOL_SOCKET, "SO_OOBINLINE", 1),
)

logger = logging.getLogger(__name__)

ConnectionHandler = Callable[[SocketPeer], Awaitable[None]]


def bind(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket at every address of `host`, all on one port. The caller closes them. Raises OSError.

    An empty `host` is all interfaces, IPv4 and IPv6, and one socket.
    """
    listeners = listen_at_name(host, port, backlog=BACKLOG) if host else [_listen_everywhere(port)]
    for listener in listeners:
        prepare(listener)
    return listeners


def _listen_everywhere(port: int) -> socket.socket:
    dual = socket.has_dualstack_ipv6()
    family, address = (socket.AF_INET6, "::") if dual else (socket.AF_INET, "0.0.0.0")
    return socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)


def prepare(listener: socket.socket) -> None:
    """Set the options of a listening socket for `accept_forever`. Raises OSError."""
    listener.setblocking(False)
    for level, name, value in _OPTIONS:
        if hasattr(socket, name):  # TCP_USER_TIMEOUT and the times of keep-alive are not everywhere
            listener.setsockopt(level, getattr(socket, name), value)


async def accept_forever(listener: socket.socket, handler: ConnectionHandler, nursery: trio.Nursery) -> None:
    """Accept connections until cancelled, each handled by a task in `nursery`.

    Whoever opened the listener closes it; the handler closes its connection.
    """
    last_log = -EXHAUSTED_LOG_EVERY_S
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            _accept_some(listener, handler, nursery)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                logger.debug("accept: %s", error)  # the peer gave up while it was waiting in the queue
                continue
            if trio.current_time() - last_log >= EXHAUSTED_LOG_EVERY_S:
                last_log = trio.current_time()
                logger.warning("cannot accept connections: %s", os.strerror(error.errno))
            await trio.sleep(EXHAUSTED_RETRY_S)


def _accept_some(listener: socket.socket, handler: ConnectionHandler, nursery: trio.Nursery) -> None:
    for _ in range(ACCEPTS_PER_TURN):
        try:
            sock, remote = listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        address = sys.intern(remote[0].removeprefix(_MAPPED_IPV4))  # one string for all who come from there
        nursery.start_soon(handler, SocketPeer(sock, address, remote[1]), name=TASK_NAME)
