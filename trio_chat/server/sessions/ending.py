"""The reason for which a connection ended, found by what ended its session, and its log line."""

import errno
import logging

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.server.transport.outlet import PeerOutlet

_NOT_LOGGED = (DisconnectReason.LEFT, DisconnectReason.STOPPING, DisconnectReason.KICKED, DisconnectReason.FAILED)
"""Nothing is wrong, and a shutdown would be a line for every client. The console and the audit report a kick, and the
session itself logs its error."""

_BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.Cancelled)
"""Raised where a connection broke. Cancelled without a farewell: the task that writes to a TLS connection has found it
broken."""

logger = logging.getLogger(__name__)


def disconnect_reason(outlet: PeerOutlet, error: BaseException | None) -> DisconnectReason:
    """Find the reason by what a session raised. Where the server ended the connection, the outlet knows it."""
    if outlet.close_reason:
        return outlet.close_reason.code
    if error is None:
        return DisconnectReason.LEFT
    errors = leaf_exceptions(error)
    if not all(isinstance(error, _BROKEN) for error in errors):
        return DisconnectReason.FAILED
    # By keep-alive or TCP_USER_TIMEOUT.
    is_dead = any(isinstance(error, OSError) and error.errno == errno.ETIMEDOUT for error in errors)
    return DisconnectReason.DEAD if is_dead else DisconnectReason.BROKEN


def log_disconnect(client: Client, reason: DisconnectReason | None) -> None:
    """Log why a connection ended, unless that was ordinary or is reported elsewhere."""
    if reason and reason not in _NOT_LOGGED:
        logger.info("client %s (%s) ended: %s", client.peer, client.id, reason)
