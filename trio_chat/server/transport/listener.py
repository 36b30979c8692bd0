"""Binding and accepting: the chat port, and nothing that a peer or the machine does ends it."""

import errno
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable

import trio

from trio_chat.server.liveness_timeouts import (
    KEEPALIVE_IDLE_S,
    KEEPALIVE_INTERVAL_S,
    KEEPALIVE_PROBES,
    USER_TIMEOUT_S,
)

BACKLOG = 4096
"""A short queue stalls storms of connections; the kernel caps this at net.core.somaxconn."""

SEND_BUFFER_BYTES = 128 * 1024
"""Left to itself the kernel hoards megabytes for every stuck reader."""

ACCEPTS_PER_TURN = 32

TASK_NAME = "session"
"""One for all: a name of its own would cost each connection 90 bytes."""

EXHAUSTED_RETRY_S = 0.25
EXHAUSTED_LOG_S = 1.0

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_MAPPED_IPV4 = "::ffff:"

# Accepted sockets inherit all of these, which saves a call for each.
_OPTIONS = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", KEEPALIVE_PROBES),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", USER_TIMEOUT_S * 1000),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_SNDBUF", SEND_BUFFER_BYTES),
    # A telnet may send the first byte of a command as urgent: out of line, it would be lost, and the second no UTF-8.
    (socket.SOL_SOCKET, "SO_OOBINLINE", 1),
)

logger = logging.getLogger(__name__)

Handler = Callable[[socket.socket, str, int], Awaitable[None]]


def bind(host: str, port: int) -> socket.socket:
    """Open the listening socket: all interfaces, IPv4 and IPv6, where `host` is empty. Raises OSError."""
    if not host:
        family, address = (socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "0.0.0.0")
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, address = found[0][0], str(found[0][4][0])
    dual = not host and family == socket.AF_INET6
    listener = socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    prepare(listener)
    return listener


def prepare(listener: socket.socket) -> None:
    """Make a listening socket fit for `accept_forever`."""
    listener.setblocking(False)
    for level, name, value in _OPTIONS:
        if hasattr(socket, name):  # TCP_USER_TIMEOUT and the times of keep-alive are not everywhere
            listener.setsockopt(level, getattr(socket, name), value)


async def accept_forever(listener: socket.socket, handler: Handler, nursery: trio.Nursery) -> None:
    """Accept connections until cancelled, each handled by a task in `nursery`. The listener stays its opener's."""
    last_log = -EXHAUSTED_LOG_S
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            _accept_some(listener, handler, nursery)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                logger.debug("accept: %s", error)  # the peer gave up while it was waiting in the queue
                continue
            if trio.current_time() - last_log >= EXHAUSTED_LOG_S:
                last_log = trio.current_time()
                logger.warning("cannot accept connections: %s", os.strerror(error.errno))
            await trio.sleep(EXHAUSTED_RETRY_S)


def _accept_some(listener: socket.socket, handler: Handler, nursery: trio.Nursery) -> None:
    for _ in range(ACCEPTS_PER_TURN):
        try:
            sock, peer = listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        address = sys.intern(peer[0].removeprefix(_MAPPED_IPV4))  # one string for all who come from there
        nursery.start_soon(handler, sock, address, peer[1], name=TASK_NAME)
