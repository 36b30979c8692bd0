"""News of the stickers that the server shares, for all clients that speak frames."""

import trio

from trio_chat.chat.log import Mode
from trio_chat.server.sessions.context import SessionContext
from trio_chat.stickers.shared import SharedCatalogue
from trio_chat.wire import frames

PER_TURN = 200
"""Clients told between two checkpoints."""


async def share_stickers(context: SessionContext, shared: SharedCatalogue) -> None:
    """Share these stickers from now on, and tell the clients. One that takes nothing just now is not told."""
    had, context.stickers, context.chat.sticker_lines = context.stickers, shared, shared.lines
    if had.hash == shared.hash:
        return
    told = frames.encode(frames.StickerNews(hash=shared.hash))
    for turn, client in enumerate([it for it in context.chat.clients if it.mode is Mode.FRAMES], 1):
        outlet = client.outlet
        if not outlet.is_paused and not outlet.unsent_bytes:
            outlet.write(told)
            context.pump.flush(client)
        if turn % PER_TURN == 0:
            await trio.lowlevel.checkpoint()
