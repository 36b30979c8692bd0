"""Pixels of a frame, and how finely a way of drawing wants them. Pure."""

from msgspec import Struct


class Pixels(Struct, frozen=True, eq=False):
    """A frame in RGBA, row by row."""

    width: int
    height: int
    data: bytes


class Resolution(Struct, frozen=True):
    """Pixels in a cell of the terminal, and colours in a frame; 0 for as many as there are."""

    columns: int = 1
    rows: int = 2
    colours: int = 0
