"""Waiting for what was posted: until it is durable, and until it is in the logs of its rooms."""

from collections.abc import Iterable

import trio

from trio_chat.chat.events import Receipt
from trio_chat.journal import JournalError
from trio_chat.server.sessions.context import SessionContext


async def failures_of(receipts: Iterable[Receipt]) -> dict[Receipt, str]:
    """Wait until everything posted under these receipts is durable. -> for each that could not be kept, the reason"""
    failures = {}
    for receipt in dict.fromkeys(receipts):  # drafts that were posted together share a receipt
        try:
            await receipt.kept()
        except JournalError as error:
            failures[receipt] = str(error)
    return failures


async def published(context: SessionContext) -> None:
    """Return when all entries that are durable now are in the logs of their rooms: a few turns of the loop later."""
    newest_id = context.journal.last_id
    while context.chat.rooms.last_id < newest_id:
        await trio.lowlevel.checkpoint()
