"""What every session works with, and what both ways of speaking have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trio_chat.chat.chat import Chat
from trio_chat.chat.events import Receipt
from trio_chat.journal import Journal, JournalError
from trio_chat.server.pump import Pump

INPUTS_PER_TURN = 64
"""Lines handled between two checkpoints, or 16 KiB of empty lines would hold the loop for 20 ms."""

LINGER_S = 5
"""How long a client that has left may take to read what it is still owed."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a server's sessions share."""

    chat: Chat
    journal: Journal
    pump: Pump


async def settle(receipts: Iterable[Receipt], on_failure: Callable[[str], None]) -> None:
    """Wait until everything posted under these receipts is durable; `on_failure` hears why something is not."""
    for receipt in dict.fromkeys(receipts):  # what was posted together shares a receipt
        try:
            await receipt.kept()
        except JournalError as error:
            on_failure(str(error))
