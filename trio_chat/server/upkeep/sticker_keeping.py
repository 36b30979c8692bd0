"""Stickers that the server shares: read at the start, and again whenever their file has changed."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from trio_chat.stickers.load_shared import load_shared, modification_state
from trio_chat.stickers.shared_catalogue import SharedCatalogue

LOOK_EVERY_S = 2.0
"""Between two looks at the file."""

logger = logging.getLogger(__name__)


def warnings_about(path: Path | None) -> list[str]:
    """Return what is wrong with the file of `--stickers`, a sentence each. None of it keeps a server from starting."""
    return [f"stickers: {warning}" for warning in load_shared(path)[1]] if path else []


class StickerKeeping:
    """Reads the file of `--stickers`."""

    def __init__(self, path: Path | None, *, on_change: Callable[[SharedCatalogue], Awaitable[None]]) -> None:
        """`on_change` is called with the stickers at the start, if there is a file, and after each change of it."""
        self._path = path
        self._on_change = on_change
        self._file_state: tuple[object, ...] = ()

    async def look(self) -> bool:
        """Read the file if it has changed. -> whether it had"""
        if self._path is None:
            return False
        file_state = await trio.to_thread.run_sync(modification_state, self._path, abandon_on_cancel=True)
        if file_state == self._file_state:
            return False
        self._file_state = file_state
        shared, warnings = await trio.to_thread.run_sync(load_shared, self._path, abandon_on_cancel=True)
        for warning in warnings:
            logger.warning("stickers: %s", warning)
        await self._on_change(shared)
        return True

    async def run(self) -> None:
        """Look at the file until cancelled."""
        while self._path is not None:
            await trio.sleep(LOOK_EVERY_S)
            await self.look()
