"""Claims of nicks: one that is taken here must not be somebody's on another server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.journal import JournalError
from trio_chat.server.sessions.context import SessionContext


@asynccontextmanager
async def claimed(context: SessionContext, client: Client, nick: str) -> AsyncIterator[None]:
    """Claim a nick for a client, which takes it inside; where it does not, the claim ends.

    Raises ChatError where the nick is somebody's on another server, or that cannot be known just now.
    """
    nodes, wanted = context.chat.nodes, context.chat.free_nicks.to_claim(client, nick)
    if not wanted:
        yield
        return
    try:
        if not await nodes.claim_nick(client.owner, wanted):
            raise ChatError("nick-taken", f"the nick {wanted} is taken")
        try:
            yield
        finally:
            if client.nick != wanted:
                await nodes.release_nick(client.owner, wanted)
    except JournalError as error:
        raise ChatError("not-kept", f"the nick cannot be taken just now: {error}") from error
