"""News of the stickers that the server shares, for all clients that speak frames."""

import trio

from trio_chat.chat.log import Mode
from trio_chat.server.sessions.context import SessionContext
from trio_chat.stickers.shared_catalogue import SharedCatalogue
from trio_chat.wire import frames

TOLD_AT_ONCE, PAUSE_S = 200, 0.1
"""Clients told between two pauses: each may ask for 64 KiB at once, so 128 MB are asked for in a second at most."""


async def share_stickers(context: SessionContext, shared: SharedCatalogue) -> None:
    """Share these stickers from now on, and tell the clients. One that takes nothing just now is not told."""
    had, context.stickers, context.chat.sticker_lines = context.stickers, shared, shared.lines
    if had.hash == shared.hash:
        return
    told = frames.encode(frames.StickerNews(hash=shared.hash))
    clients = [client for client in context.chat.clients if client.mode is Mode.FRAMES]
    for start in range(0, len(clients), TOLD_AT_ONCE):
        if start:
            await trio.sleep(PAUSE_S)
        for client in context.chat.directory.here(clients[start : start + TOLD_AT_ONCE]):
            if not client.outlet.is_paused and not client.outlet.unsent_bytes:
                client.outlet.write(told)
                context.pump.flush(client)
