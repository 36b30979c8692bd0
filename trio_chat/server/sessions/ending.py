"""The reason why a connection ended, found by the error that ended its session, and its log line."""

import errno
import logging

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.server.transport.outlet import PeerOutlet

_NOT_LOGGED = (DisconnectReason.LEFT, DisconnectReason.STOPPING, DisconnectReason.KICKED, DisconnectReason.FAILED)
"""Reasons that are not logged here. Nothing is wrong, and a shutdown would log a line for every client; the console and
the audit log report kicks, and the session itself logs its error."""

_BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.Cancelled)
"""Raised where a connection broke. Cancelled without a farewell means that the writing task of a TLS connection found
it broken."""

logger = logging.getLogger(__name__)


def disconnect_reason(outlet: PeerOutlet, error: BaseException | None) -> DisconnectReason:
    """Return the reason by the error of a session. Where the server ended the connection, the outlet has it."""
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
