"""Pictures below the lines of the line view: as text, or drawn by the terminal over blank rows."""

import os
from collections.abc import Sequence

import trio

from trio_chat.client.pictures import best_painter, cell_size
from trio_chat.client.startup_terminal import PictureColours, may_be_asked, picture_colours
from trio_chat.client.terminal_answers import WAIT_S, TerminalQuestions
from trio_chat.client.transcript.picture_rows import PICTURE_COLUMNS_MAX, PICTURE_ROWS_MAX, draw_pictures
from trio_chat.client.transcript.rows import Part, Row
from trio_chat.client.transcript.transcript import paint
from trio_chat.stickers.gallery import Gallery
from trio_chat.stickers.painters import CursorPainter
from trio_chat.stickers.picture import Picture
from trio_chat.stickers.sticker import INDENT, PictureFile

DECODING_TIMEOUT_S = 1.0
"""Time for which lines wait for a picture; after that its text stands in its place."""

_ROWS_LEFT = 3
"""Rows of the terminal that no picture takes."""

_GAP = 2


class LinePictures:
    """Draws pictures for one terminal."""

    def __init__(self, colours: PictureColours, *, asks: bool, fd: int) -> None:
        """`asks`: the terminal, which is `fd`, is asked for better ways than half blocks."""
        self.questions = TerminalQuestions(os.environ) if asks else None
        self._colours = colours
        self._fd = fd
        self.gallery = Gallery(is_still=True)
        self.warnings: list[str] = []
        """Sentences about pictures that cannot be shown."""
        self.gallery.warn = self.warnings.append
        self.gallery.send = self._note_commands
        self._commands = ""
        self._asked_at: float | None = None
        self._draws_over_rows = False
        self._is_settled = trio.Event()

    def note_asked(self) -> None:
        """Note that the questions are on their way to the terminal."""
        self._asked_at = trio.current_time()

    def take_out(self, typed: str) -> str:
        """Return what was typed, without the answers of the terminal."""
        if self.questions is None:
            return typed
        text = self.questions.take_out(typed)
        if self.questions.answers.is_complete and not self._is_settled.is_set():
            painter = best_painter(self.questions.answers, cell_size(self._fd))
            self.gallery.use(painter)
            self._draws_over_rows = isinstance(painter, CursorPainter)
            if self._colours is PictureColours.NONE and self.questions.answers.name:
                self._colours = PictureColours.PALETTE  # what is new enough to say its name has them
            self._is_settled.set()
        return text

    async def settle(self) -> None:
        """Wait for the answers of the terminal, until WAIT_S after the questions."""
        if self.questions and self._asked_at is not None:
            with trio.move_on_at(self._asked_at + WAIT_S):
                await self._is_settled.wait()

    async def draw(self, files: Sequence[PictureFile], columns: int) -> str:
        """Return pictures side by side, for a terminal of so many columns; empty where one cannot be shown."""
        await self.settle()
        rows = os.get_terminal_size(self._fd).lines
        width, height = columns - len(INDENT), min(rows - _ROWS_LEFT, PICTURE_ROWS_MAX)
        if width < 1 or height < 1:
            return ""
        if self._colours is PictureColours.NONE and not self._draws_over_rows:
            return ""
        with trio.move_on_after(DECODING_TIMEOUT_S):
            found = [await self.gallery.load(file, min(width, PICTURE_COLUMNS_MAX), height) for file in files]
            pictures = [picture for picture in found if picture]
            if len(pictures) == len(files):
                is_stream = any(picture.frames[0].stream for picture in pictures)
                drawn = _streamed(pictures, width) if is_stream else self._as_text(files, width, height)
                commands, self._commands = self._commands, ""
                return commands + drawn
        return ""

    def _as_text(self, files: Sequence[PictureFile], columns: int, rows: int) -> str:
        drawn = draw_pictures(files, self.gallery, columns=columns, rows=rows, elapsed_s=0.0)
        indented: list[Row] = [(Part(INDENT), *row) for row in drawn.rows]
        return paint(indented, is_coloured=True, has_true_colours=self._colours is PictureColours.TRUE)

    def _note_commands(self, commands: str) -> None:
        self._commands += commands


def line_pictures(pictures: str, *, fd: int) -> LinePictures | None:
    """Return what draws pictures on this terminal, as the setting `pictures` wants it; None where nothing does."""
    colours, asks = picture_colours(os.environ), pictures == "auto" and may_be_asked(os.environ)
    if pictures == "none" or (colours is PictureColours.NONE and not asks):
        return None
    return LinePictures(colours, asks=asks, fd=fd)


def _streamed(pictures: Sequence[Picture], columns: int) -> str:
    """Return pictures that the terminal draws over blank rows, wherever it leaves the cursor after each."""
    bands: list[list[tuple[int, Picture]]] = []
    used = columns
    for picture in pictures:
        if used + _GAP + picture.columns > columns:
            bands.append([])
            used = -_GAP
        bands[-1].append((used + _GAP, picture))
        used += _GAP + picture.columns
    return "".join(map(_streamed_band, bands))


def _streamed_band(band: Sequence[tuple[int, Picture]]) -> str:
    rows = max(picture.rows for _, picture in band)
    drawn = "".join(f"\x1b7\x1b[{len(INDENT) + x}C{picture.frames[0].stream}\x1b8" for x, picture in band)
    return "\n" * rows + f"\x1b[{rows}A\r{drawn}\x1b[{rows}B\r"
