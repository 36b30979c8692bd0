"""Printing rows line by line, on a terminal or into a pipe."""

import math
import os
from collections.abc import Callable, Sequence
from itertools import groupby

import trio

from trio_chat.client.conversation.surface import Surface, print_error
from trio_chat.client.line_view.line_pictures import LinePictures
from trio_chat.client.startup_terminal import has_256_colours
from trio_chat.client.transcript.rendered import RenderedOutput
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.transcript import SGR, SGR_OF_16, Transcript, paint
from trio_chat.client.transcript.wrapping import wrap

_BELL = "\a"

BELL_INTERVAL_S = 3.0
"""Least time between two bells."""


class LineDisplay:
    """Prints on a surface, in colours where it has them and they are wanted."""

    def __init__(
        self,
        surface: Surface,
        transcript: Transcript,
        *,
        has_bell: bool = False,
        wraps: bool = True,
        pictures: LinePictures | None = None,
    ) -> None:
        """`pictures` draws them, where the surface is a terminal that can show some."""
        self.transcript = transcript
        self._surface = surface
        self._is_coloured = surface.has_colours and not os.environ.get("NO_COLOR")
        self._codes = SGR if has_256_colours(os.environ) else SGR_OF_16
        self._wraps = wraps
        self._pictures = pictures
        self._has_bell = has_bell and surface.has_person
        self._bell_at = -math.inf
        self.keeps_failed = False
        self.broken: OSError | None = None
        """The error because of which nothing can be printed any more, if there was one."""

    @property
    def columns(self) -> int | None:
        """Width in columns; None where there is none."""
        return self._surface.columns

    def is_read(self, _room: str) -> bool:
        """Return True: the lines of all rooms stand one below the other."""
        return True

    async def print(self, rows: list[Row], *, is_mention: bool = False) -> None:
        """Print rows, with the bell for a mention. Where nothing can be printed any more, leave in order."""
        if not rows or self.broken:
            return
        bell = _BELL if is_mention and self._may_ring() else ""
        text = await self._painted(rows)
        try:
            await self._surface.print(text + bell)
        except OSError as error:
            self.broken = error
            self._surface.stop()

    async def print_listing(self, listing: Callable[[int | None], list[Row]]) -> None:
        """Print a list for the width of now."""
        await self.print(listing(self.columns))

    async def _painted(self, rows: Sequence[Row]) -> str:
        """Return rows as text, with pictures in the places of their texts."""
        texts = []
        for is_picture, group in groupby(rows, _has_picture):
            some = list(group)
            drawn = await self._draw_pictures(some) if is_picture and self._pictures else ""
            texts.append(drawn or self._text(some))
        return "".join(texts)

    def _text(self, rows: list[Row]) -> str:
        if self._wraps and (columns := self.columns):
            rows = [wrapped for row in rows for wrapped in wrap(row, columns)]
        return paint(rows, is_coloured=self._is_coloured, codes=self._codes)

    async def _draw_pictures(self, rows: list[Row]) -> str:
        files = [part.picture for row in rows for part in row if part.picture]
        if self._pictures is None or self.columns is None:
            return ""
        drawn = await self._pictures.draw(files, self.columns) or self._text(rows)
        warnings, self._pictures.warnings[:] = self._pictures.warnings[:], []
        return drawn + self._text([row for warning in warnings for row in self.transcript.notice(warning)])

    def _may_ring(self) -> bool:
        """Tell whether to ring now; the next bell is BELL_INTERVAL_S later then."""
        now = trio.current_time()
        if not self._has_bell or now - self._bell_at < BELL_INTERVAL_S:
            return False
        self._bell_at = now
        return True

    async def notice(self, text: str) -> None:
        """Print a notice of the client itself."""
        await self.print(self.transcript.notice(text))

    async def show(self, outputs: Sequence[RenderedOutput]) -> None:
        """Print rendered output. Notices of the client are for people: on a pipe they go to stderr."""
        rows: list[Row] = []
        for output in outputs:
            rows += output.rows
            if self._surface.has_person:
                notices = (output.greeting, *output.notices) if output.greeting else output.notices
                rows += [row for notice in notices for row in self.transcript.notice(notice)]
            else:
                for notice in output.notices:
                    print_error(notice)
        if rows:
            await self.print(rows, is_mention=any(output.is_mention for output in outputs))
        else:
            self._surface.refresh()


def _has_picture(row: Row) -> bool:
    return any(part.picture for part in row)
