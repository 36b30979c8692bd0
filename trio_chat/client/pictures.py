"""Which way of showing pictures a terminal has, and the size of its cells."""

import fcntl
import struct
import termios
from secrets import randbelow

from trio_chat.client.terminal_answers import Answers
from trio_chat.stickers import kitty
from trio_chat.stickers.painters import HalfBlocks, KittyPlaceholders, Painter, iterm_painter, sixel_painter

_CELL_PIXELS_MAX = 64


def text_painter(answers: Answers) -> Painter:
    """Return the painter for a view that puts pictures anywhere, as text."""
    return KittyPlaceholders(randbelow(kitty.NUMBERS)) if answers.has_placeholders else HalfBlocks()


def best_painter(answers: Answers, cell: tuple[int, int] | None) -> Painter:
    """Return the painter for a view that prints line by line; `cell` is the size of a cell in pixels, where known."""
    if answers.has_placeholders:
        return text_painter(answers)
    if answers.has_iterm:
        return iterm_painter()
    if answers.has_sixels and cell:
        return sixel_painter(cell, answers.sixel_colours)
    return HalfBlocks()


def cell_size(fd: int) -> tuple[int, int] | None:
    """Return the width and height of a cell of a terminal, in pixels; None where it does not say."""
    try:
        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    except OSError:  # no terminal
        return None
    if not (rows and columns):
        return None
    cell = width // columns, height // rows
    return cell if all(4 <= part <= _CELL_PIXELS_MAX for part in cell) else None
