import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.stickers.half_blocks import Runs, half_blocks, to_256

Pixels = list[list[int | None]]

PICTURES = st.integers(1, 12).flatmap(
    lambda width: st.lists(
        st.lists(st.none() | st.sampled_from([0, 0xFF0000, 0x123456]), min_size=width, max_size=width),
        min_size=1,
        max_size=9,
    )
)


def rgba(pixels: Pixels) -> bytes:
    """Pixels as bytes; those that are None have any colour, and too little alpha to be seen."""
    return b"".join(
        b"\x77\x88\x99\x7f" if colour is None else colour.to_bytes(3, "big") + b"\x80"
        for row in pixels
        for colour in row
    )


def seen(rows: Runs) -> Pixels:
    """The pixels that somebody sees in the cells of a terminal."""
    pixels: Pixels = []
    for row in rows:
        cells = [(char, run.front, run.back) for run in row for char in run.text]
        pixels.append([front if char == "▀" else back for char, front, back in cells])
        pixels.append([front if char == "▄" else back for char, front, back in cells])
    return pixels


@given(pixels=PICTURES)
def test_the_halves_of_cells_have_the_colours_of_the_pixels(pixels: Pixels) -> None:
    rows = half_blocks(rgba(pixels), len(pixels[0]))

    shown = seen(rows)
    if len(pixels) % 2:
        assert shown.pop() == [None] * len(pixels[0])
    assert shown == pixels


@given(pixels=PICTURES)
def test_every_row_is_as_wide_as_the_picture_and_neighbours_differ(pixels: Pixels) -> None:
    for row in half_blocks(rgba(pixels), len(pixels[0])):
        assert sum(len(run.text) for run in row) == len(pixels[0])
        looks = [(run.text[0], run.front, run.back) for run in row]
        assert all(one != other for one, other in pairwise(looks))


def of_palette(number: int) -> tuple[int, int, int]:
    """The colour that xterm has for a number from 16 on."""
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    levels = (0, 95, 135, 175, 215, 255)
    return levels[(number - 16) // 36], levels[(number - 16) // 6 % 6], levels[(number - 16) % 6]


@pytest.mark.parametrize("number", range(16, 256))
def test_a_colour_of_the_palette_is_itself(number: int) -> None:
    red, green, blue = of_palette(number)

    assert of_palette(to_256(red << 16 | green << 8 | blue)) == (red, green, blue)


def test_other_colours_become_the_nearest_of_the_palette_or_nearly() -> None:
    colours = random.Random(16)
    for _ in range(500):
        wanted = [colours.randrange(256) for _ in range(3)]

        number = to_256(wanted[0] << 16 | wanted[1] << 8 | wanted[2])

        distances = [sum((a - b) ** 2 for a, b in zip(of_palette(n), wanted, strict=True)) for n in range(16, 256)]
        assert number >= 16
        assert distances[number - 16] <= min(distances) + 150  # the grey is chosen by the mean of the three
