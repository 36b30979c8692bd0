"""What every session works with, and what both ways of speaking have in common."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.events import Receipt
from trio_chat.chat.token_bucket import TokenBucket
from trio_chat.journal import Journal, JournalError
from trio_chat.server.delivery.liveness import Heartbeats
from trio_chat.server.delivery.pump import Pump
from trio_chat.server.operation.secret_files import Password
from trio_chat.server.transport.admission import Admission
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.server.transport.tls import Tls
from trio_chat.server.upkeep.session_store import SessionSaver

INPUTS_PER_TURN = 64
"""Lines handled between two checkpoints, or 4 KiB of empty lines would hold the loop for 5 ms."""

ANSWERS_BYTES = 64 * 1024
"""Answers made for one client before it has to take them: a line of ten bytes can ask for megabytes."""

TRIES = 3
"""Passwords that may be wrong before the connection ends."""

WRONG_PASSWORD_COST = 5
"""A wrong password counts for as many new connections, so that guessing is slow from anywhere."""

LINGER_S = 5
"""How long a client that has left may take to read what it is still owed."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast a client may speak: `burst` lines at once, then `rate` a second; a rate of 0 is no limit."""

    rate: float = 0.0
    burst: float = 1.0

    def bucket(self, now: float) -> TokenBucket:
        """Make what one client is slowed by."""
        return TokenBucket(self.rate, self.burst, now)


@dataclass(slots=True)
class SessionContext:
    """What a server's sessions share.

    `rate_limit`, `password` and `tls` can be set anew at any time: the first holds for everyone at once, the others for
    those who connect from then on.
    """

    chat: Chat
    journal: Journal
    pump: Pump
    heartbeats: Heartbeats
    session_saver: SessionSaver
    admission: Admission
    rate_limit: RateLimit
    password: Password
    tls: Tls | None = None


def is_password_right(context: SessionContext, peer: SocketPeer, given: str) -> bool:
    """Compare; a wrong one is logged and has its cost."""
    if context.password.matches(given):
        return True
    logger.info("wrong password from %s port %d", peer.address, peer.port)
    context.admission.charge(peer.ticket, WRONG_PASSWORD_COST, trio.current_time())
    return False


async def heard(context: SessionContext) -> None:
    """Return when all that is durable by now is in its rooms: a few turns of the loop after it is."""
    newest_id = context.journal.last_id
    while context.chat.rooms.last_id < newest_id:
        await trio.lowlevel.checkpoint()


async def failures_of(receipts: Iterable[Receipt]) -> dict[Receipt, str]:
    """Wait until everything posted under these receipts is durable. -> why, for each that could not be kept"""
    failures = {}
    for receipt in dict.fromkeys(receipts):  # what was posted together shares a receipt
        try:
            await receipt.kept()
        except JournalError as error:
            failures[receipt] = str(error)
    return failures
