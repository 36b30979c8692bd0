"""Mentions: the newest entries of a client's rooms that call it by its name."""

from collections.abc import Sequence

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Entry
from trio_chat.chat.words import calls
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.transport.outlet import PeerOutlet

NO_NAME = "you have no name yet that anybody could mention: /nick NAME"
NO_MENTIONS = "nobody has mentioned you here"

FOUND_PER_MENTION = 2
"""Entries searched for each that is wanted: a search also finds words that only begin with the name, and own lines."""


async def mentions_of(context: SessionContext, client: Client, outlet: PeerOutlet, limit: int) -> Sequence[Entry]:
    """Return the newest entries that call a client, oldest first. Raises ChatError, and what a search raises."""
    name = client.nick
    if not name:
        raise ChatError("usage", NO_NAME)
    rooms = [room.name for room in client.members]
    found = await context.searches.run(
        client, outlet, rooms, f'"{name}"', limit=FOUND_PER_MENTION * limit, before=None, after=None, author=""
    )
    entries: list[Entry] = []
    for past in found:
        if isinstance(past, Entry) and past.draft.author != name and calls(past.draft.text, name):
            entries.append(past)
        await trio.lowlevel.checkpoint()  # the longest text takes milliseconds
    return entries[-limit:]
