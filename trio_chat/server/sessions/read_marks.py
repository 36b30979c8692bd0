"""Read marks of members: moved by what a plain client has been sent and by `read` of others, and told to all places."""

import trio

from trio_chat.chat.accounts.memory import MAILBOX
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MAILBOX_MARK
from trio_chat.chat.log import Mode
from trio_chat.chat.room import Member
from trio_chat.server.sessions.context import SessionContext
from trio_chat.wire import frames

NOTE_EVERY_S = 1.0
PER_TURN = 200
"""Clients in one turn of the loop."""


async def note_sent_forever(context: SessionContext) -> None:
    """Move the read marks of members in lines until cancelled: nothing of this is done where an entry is sent."""
    while True:
        await trio.sleep(NOTE_EVERY_S)
        members = [it for it in context.chat.clients if it.account and it.mode is Mode.LINES]
        for turn, client in enumerate(members, 1):
            note_sent(context, client)
            if turn % PER_TURN == 0:
                await trio.lowlevel.checkpoint()


def note_sent(context: SessionContext, client: Client) -> None:
    """Move the read marks of a member in lines to what the kernel has taken for them."""
    if not client.account or client.outlet.unsent_bytes:
        return
    for member in client.memberships:
        name = MAILBOX if member.room.name.startswith(MAILBOX_MARK) else member.room.name
        if name == MAILBOX and context.memories.is_showing(client.account):
            continue
        if entry_id := _last_id_sent(context, member):
            note_read(context, client, name, entry_id)


def note_read(context: SessionContext, client: Client, room: str, entry_id: int) -> None:
    """Move the read mark of a member in a room, or in the MAILBOX, and tell their other places that speak frames.

    A place that takes nothing just now is not told: it is with its next `welcome`.
    """
    if not context.memories.note_read(client.account, room, entry_id):
        return
    for place in context.chat.directory.places_here(client.account):
        outlet = place.outlet
        if place is not client and place.mode is Mode.FRAMES and not outlet.is_paused and not outlet.unsent_bytes:
            outlet.write(frames.encode(frames.Read(room=room, id=entry_id)))
            context.pump.flush(place)


def read_by(context: SessionContext, client: Client, room: str, entry_id: int) -> None:
    """Note what a client in frames has read, in a room that it is in."""
    if not client.account:
        return
    if room != MAILBOX:
        try:
            room = context.chat.room_of(client, room).name
        except ChatError:  # it has left since: nothing to be told of
            return
    note_read(context, client, room, min(entry_id, context.chat.rooms.last_id))


def _last_id_sent(context: SessionContext, member: Member) -> int:
    """Return the id of the newest entry that a member was sent; 0 where none came since its room was opened."""
    log = member.room.log
    if member.cursor > log.end:  # it does not follow the log
        return 0
    return member.room.newest_id if member.cursor == log.end else context.chat.rooms.last_id_sent(member)
