"""Checking the server's password, the same for lines and frames."""

import logging

import trio

from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.peer import Peer

PASSWORD_TRIES = 3
"""Wrong passwords after which a connection is closed."""

WRONG_PASSWORD_COST = 5
"""A wrong password counts for as many new connections, so that guessing is slow from anywhere."""

logger = logging.getLogger(__name__)


def is_password_right(context: SessionContext, peer: Peer, *given: str) -> bool:
    """Compare a password, in one form or several. A wrong one is logged and charged to the address it came from."""
    if any(map(context.password.matches, given)):
        return True
    logger.info("wrong password from %s port %d", peer.address, peer.port)
    context.admission.charge(peer.ticket, WRONG_PASSWORD_COST, trio.current_time())
    return False
