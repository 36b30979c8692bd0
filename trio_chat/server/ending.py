"""Why connections end: told apart by what ended their sessions, and logged."""

import errno
import logging

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.tally import End
from trio_chat.server.outlet import SocketOutlet

_ORDINARY = (End.LEFT, End.STOPPING, End.KICKED)
"""Not logged: nothing is wrong, and a stop would be a line for everyone. The console and the audit tell of a kick."""

logger = logging.getLogger(__name__)


def end_of(outlet: SocketOutlet, error: BaseException | None) -> End:
    """Say why a session ended, by what it raised. What we ended ourselves was told to the outlet."""
    if outlet.farewell:
        return outlet.farewell.code
    if error is None:
        return End.LEFT
    if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:  # by keep-alive or TCP_USER_TIMEOUT
        return End.DEAD
    # Cancelled without a farewell: the task that writes to a TLS connection has found it broken.
    is_broken = isinstance(error, OSError | trio.BrokenResourceError | trio.ClosedResourceError | trio.Cancelled)
    return End.BROKEN if is_broken else End.FAILED


def log_end(client: Client, end: End | None) -> None:
    """Write down why a connection ended, unless that was ordinary."""
    if end and end not in _ORDINARY:
        logger.info("client %s (%s) ended: %s", client.peer, client.id, end)
