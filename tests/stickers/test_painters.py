"""The bytes that each way of showing pictures sends to the terminal."""

import random
import re
import zlib
from base64 import standard_b64decode
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trio_chat.stickers import kitty
from trio_chat.stickers.half_blocks import Run
from trio_chat.stickers.iterm import inline_picture
from trio_chat.stickers.painters import KittyPlaceholders, iterm_painter, sixel_painter
from trio_chat.stickers.pixels import Pixels
from trio_chat.stickers.sixel import sixels

RED_AND_BLUE = Pixels(2, 1, bytes([255, 0, 0, 255, 0, 0, 255, 255]))

PIXELS = st.integers(1, 20).flatmap(
    lambda width: st.lists(
        st.sampled_from([b"\0\0\0\0", b"\xff\0\0\xff", b"\0\xff\0\xff", b"\xff\xff\xff\xff", b"\0\0\0\xff"]),
        min_size=width,
        max_size=width * 15,
    ).map(lambda cells: Pixels(width, len(cells) // width, b"".join(cells[: len(cells) // width * width])))
)


def of_sixels(text: str) -> list[list[tuple[int, ...] | None]]:
    """Decode sixels, as a terminal does."""
    head = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)((?:#\d+;2;\d+;\d+;\d+)*)(.*)\x1b\\', text)
    assert head
    width, height = int(head[1]), int(head[2])
    colours = {
        int(number): tuple(round(int(part) * 2.55) for part in parts.split(";"))
        for number, parts in re.findall(r"#(\d+);2;([\d;]+)", head[3])
    }
    shown: list[list[tuple[int, ...] | None]] = [[None] * width for _ in range(height)]
    for band, line in enumerate(head[4].split("-")):
        for part in line.split("$"):
            number, x = 0, 0
            for found in re.finditer(r"#(\d+)|(?:!(\d+))?([?-~])", part):
                if found[1]:
                    number = int(found[1])
                    continue
                for _ in range(int(found[2] or 1)):
                    for bit in range(6):
                        if (ord(found[3]) - 63) >> bit & 1:
                            shown[6 * band + bit][x] = colours[number]
                    x += 1
    return shown


@given(pixels=PIXELS)
def test_sixels_are_the_picture_and_leave_what_is_transparent(pixels: Pixels) -> None:
    shown = of_sixels(sixels(pixels))

    cells = [pixels.data[at : at + 4] for at in range(0, len(pixels.data), 4)]
    assert [colour for row in shown for colour in row] == [tuple(cell[:3]) if cell[3] else None for cell in cells]


def test_no_sixel_has_colour_number_zero() -> None:
    assert sixels(RED_AND_BLUE) == '\x1bP0;1;0q"1;1;2;1#1;2;100;0;0#2;2;0;0;100#1@?$#2?@\x1b\\'


def test_kitty_gets_the_pixels_once_in_chunks_and_is_asked_for_no_answer() -> None:
    pixels = Pixels(64, 160, random.Random(16).randbytes(64 * 160 * 4))

    sent = kitty.send_picture(pixels, 77, columns=6, rows=8)

    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sent)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in commands) == sent
    assert len(commands) > 1
    assert all(len(data) <= 4096 for _, data in commands)
    assert all(len(data) % 4 == 0 for _, data in commands)
    assert commands[0][0] == "a=T,U=1,q=2,i=77,f=32,o=z,s=64,v=160,c=6,r=8,m=1"
    assert [keys for keys, _ in commands[1:]] == [*["q=2,m=1"] * (len(commands) - 2), "q=2,m=0"]
    assert zlib.decompress(standard_b64decode("".join(data for _, data in commands))) == pixels.data


def test_placeholders_are_numbered_by_the_marks_of_kitty_in_the_colour_of_the_picture() -> None:
    assert kitty.placeholders(0x0A0B0C, columns=3, rows=2) == (
        (Run("\U0010eeee\u0305\u0305\U0010eeee\u0305\u030d\U0010eeee\u0305\u030e", 0x0A0B0C, None),),
        (Run("\U0010eeee\u030d\u0305\U0010eeee\u030d\u030d\U0010eeee\u030d\u030e", 0x0A0B0C, None),),
    )
    (*_, last) = kitty.placeholders(1, columns=32, rows=1)[0][0].text
    assert last == "\u0484"  # that of column 31
    assert kitty.CELLS_MAX >= 32


@pytest.mark.parametrize("first", [0, kitty.NUMBERS - 2, kitty.NUMBERS - 1])
def test_each_frame_for_kitty_has_a_number_of_its_own_which_a_colour_can_be(first: int) -> None:
    painter = KittyPlaceholders(first)

    frames = [painter.paint(RED_AND_BLUE, 0.1, columns=2, rows=1) for _ in range(3)]

    numbers = [frame.rows[0][0].front or 0 for frame in frames]
    assert len(set(numbers)) == 3
    for number, frame in zip(numbers, frames, strict=True):
        assert 0 < number < kitty.NUMBERS
        assert f"i={number}," in frame.sent_before
        assert frame.sent_after == f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def test_iterm_gets_a_png_of_the_pixels() -> None:
    command = inline_picture(RED_AND_BLUE, columns=2, rows=1)

    found = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+);width=2;height=1;preserveAspectRatio=1:([A-Za-z0-9+/=]+)\a", command
    )
    assert found
    file = standard_b64decode(found[2])
    assert len(file) == int(found[1])
    with Image.open(BytesIO(file)) as image:
        assert (image.format, image.size, image.tobytes()) == ("PNG", (2, 1), RED_AND_BLUE.data)


def test_what_moves_the_cursor_has_no_rows_of_text() -> None:
    for painter in (iterm_painter(), sixel_painter((9, 18), 16)):
        frame = painter.paint(RED_AND_BLUE, 0.1, columns=2, rows=1)

        assert frame.rows == ()
        assert frame.stream

    assert sixel_painter((9, 18), 16).resolution.colours == 15
