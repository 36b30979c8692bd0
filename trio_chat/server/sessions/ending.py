"""Why connections end: told apart by what ended their sessions, and logged."""

import errno
import logging

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.server.transport.socket_outlet import SocketOutlet

_TOLD = (DisconnectReason.LEFT, DisconnectReason.STOPPING, DisconnectReason.KICKED, DisconnectReason.FAILED)
"""Not logged: nothing is wrong, and a stop would be a line for everyone. The console and the audit tell of a kick, and
the session itself of an error, with what it was."""

_BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.Cancelled)
"""Raised where a connection broke. Cancelled without a farewell: the task that writes to a TLS connection has found it
broken."""

logger = logging.getLogger(__name__)


def end_of(outlet: SocketOutlet, error: BaseException | None) -> DisconnectReason:
    """Say why a session ended, by what it raised. What we ended ourselves was told to the outlet."""
    if outlet.farewell:
        return outlet.farewell.code
    if error is None:
        return DisconnectReason.LEFT
    errors = leaf_exceptions(error)
    if not all(isinstance(error, _BROKEN) for error in errors):
        return DisconnectReason.FAILED
    # By keep-alive or TCP_USER_TIMEOUT.
    is_dead = any(isinstance(error, OSError) and error.errno == errno.ETIMEDOUT for error in errors)
    return DisconnectReason.DEAD if is_dead else DisconnectReason.BROKEN


def log_end(client: Client, end: DisconnectReason | None) -> None:
    """Write down why a connection ended, unless that was ordinary, or is told elsewhere."""
    if end and end not in _TOLD:
        logger.info("client %s (%s) ended: %s", client.peer, client.id, end)
