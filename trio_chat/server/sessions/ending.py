"""Why connections end: told apart by what ended their sessions, and logged."""

import errno
import logging

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.server.errors import bare
from trio_chat.server.transport.socket_outlet import SocketOutlet

_TOLD = (DisconnectReason.LEFT, DisconnectReason.STOPPING, DisconnectReason.KICKED, DisconnectReason.FAILED)
"""Not logged: nothing is wrong, and a stop would be a line for everyone. The console and the audit tell of a kick, and
the session itself of an error, with what it was."""

logger = logging.getLogger(__name__)


def end_of(outlet: SocketOutlet, error: BaseException | None) -> DisconnectReason:
    """Say why a session ended, by what it raised. What we ended ourselves was told to the outlet."""
    if outlet.farewell:
        return outlet.farewell.code
    if error is None:
        return DisconnectReason.LEFT
    error = bare(error)
    if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:  # by keep-alive or TCP_USER_TIMEOUT
        return DisconnectReason.DEAD
    # Cancelled without a farewell: the task that writes to a TLS connection has found it broken.
    is_broken = isinstance(error, OSError | trio.BrokenResourceError | trio.ClosedResourceError | trio.Cancelled)
    return DisconnectReason.BROKEN if is_broken else DisconnectReason.FAILED


def log_end(client: Client, end: DisconnectReason | None) -> None:
    """Write down why a connection ended, unless that was ordinary, or is told elsewhere."""
    if end and end not in _TOLD:
        logger.info("client %s (%s) ended: %s", client.peer, client.id, end)
