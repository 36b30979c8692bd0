"""Waiting for what was posted: until it is durable, and until it is in the logs of its rooms."""

from collections.abc import Iterable

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.events import Receipt
from trio_chat.journal import JournalError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.shutdown_timeouts import KICK_DELIVERY_S
from trio_chat.server.transport.outlet import PeerOutlet


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


async def settled(context: SessionContext) -> None:
    """Return when everything that was posted up to now is durable, and in the logs of its rooms."""
    await context.journal.settled()
    await published(context)


async def departed(context: SessionContext, client: Client) -> None:
    """Return when the departures of a client from its rooms are complete: it has been given all entries before its
    leaving.

    These are known when its notices of leaving are kept, or could not be. The change of its record is durable then,
    too: a guest that has become a place of an account, and so has left its mailbox, is that after a crash as well.
    """
    if client.departure_receipt:
        await failures_of([client.departure_receipt])
        await published(context)
        await context.turnstile.wait_turn()
    context.chat.finish_departures(client)


async def send_farewell(context: SessionContext, client: Client, outlet: PeerOutlet) -> None:
    """Send a client whose connection ends its farewell, and no more.

    Before it come the entries from before its leaving, where the chat has removed it.
    """
    if outlet.close_reason and outlet.close_reason.is_removal:
        with trio.move_on_after(KICK_DELIVERY_S, shield=True):
            await departed(context, client)
    if client.outlet is outlet:
        context.chat.finish_departures(client)
    outlet.say_farewell()
