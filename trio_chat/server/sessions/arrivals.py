"""Arrivals of members: clients that become places of an account by a proof, at whatever door.

Each door gets an `Arrival` from here alone, and tells by it what waited and what is new.
"""

from dataclasses import dataclass

from trio_chat.chat.accounts.account import AccountMemory
from trio_chat.chat.client import Client
from trio_chat.chat.events import Receipt
from trio_chat.server.sessions.context import SessionContext


@dataclass(frozen=True, slots=True)
class Arrival:
    """The moment at which a client became a place of an account."""

    memory: AccountMemory | None
    """The memory of the member from before; None where it could not be read."""
    last_id: int
    """The newest id at that moment: newer private messages come to the client by themselves."""
    receipt: Receipt | None
    """The receipt of the place's record and of what the rooms of the client are told."""


def arrive(context: SessionContext, client: Client, account: str, name: str, proven_by: str) -> Arrival:
    """Make a client, which has proven it, a place of an account. Raises ChatError as `Places.enter_as` does."""
    live = context.memories.of(account)
    memory = live.now if live else None  # entering rooms moves marks in it
    receipt = context.chat.places.enter_as(client, account, name, proven_by)
    return Arrival(memory, context.chat.rooms.last_id, receipt)
