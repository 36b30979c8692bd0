from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.picture_rows import draw_pictures
from trio_chat.client.transcript.room_window import Line
from trio_chat.client.transcript.row_breaking import row_width
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.half_blocks import half_blocks
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.picture import Picture, PictureFrame
from trio_chat.stickers.sticker import PictureFile
from trio_chat.wire import frames


class Hung:
    """Pictures of given sizes, by path, that are there from the beginning; those without a size are not."""

    def __init__(self, **sizes: tuple[int, int]) -> None:
        self.version = 0
        self.sizes = sizes
        self.frames = 1

    def find(self, file: PictureFile, columns: int, rows: int) -> Picture | None:
        if not (size := self.sizes.get(file.path)):
            return None
        width, height = min(size[0], columns), min(size[1], rows)
        pixels = [bytes([number, 0, 0, 255]) * width * 2 * height for number in range(self.frames)]
        return Picture(width, height, tuple(PictureFrame(half_blocks(frame, width), 0.25) for frame in pixels))


def lines(rows: list[Row]) -> list[str]:
    return ["".join("#" * len(part.text) if part.colours else part.text for part in row).rstrip() for row in rows]


@pytest.fixture
def hung() -> Hung:
    return Hung(cat=(4, 2), dog=(3, 3), ship=(40, 20))


@pytest.fixture
def layout(hung: Hung) -> LineLayout:
    stickers = {name: Image(PictureFile("", name, f"a {name}")) for name in ("cat", "dog", "ship", "bird")}
    layout = LineLayout(Transcript(Catalogue(stickers)))
    layout.pictures = hung
    return layout


def said(text: str, **fields: Any) -> Line:
    entry = frames.Said(id=1, room="lobby", kind="said", author="mei", time=0.0, text=text, **fields)
    return Line(1, 0.0, entry=entry)


def test_pictures_alone_stand_beside_their_author(layout: LineLayout) -> None:
    assert lines(layout.rows(said("@cat"), None, Columns(40, has_times=False))) == [
        "mei      ####",
        "         ####",
    ]


def test_pictures_stand_below_a_text_side_by_side(layout: LineLayout) -> None:
    assert lines(layout.rows(said("my @cat and @dog"), None, Columns(40, has_times=False))) == [
        "mei      my @cat and @dog",
        "         ####  ###",
        "         ####  ###",
        "               ###",
    ]


def test_pictures_stand_below_each_other_where_there_is_no_space(layout: LineLayout) -> None:
    assert lines(layout.rows(said("@cat @dog"), None, Columns(15, has_times=False))) == [
        "mei      ####",
        "         ####",
        "         ###",
        "         ###",
        "         ###",
    ]


def test_a_picture_that_is_not_there_is_a_text_until_it_is(layout: LineLayout, hung: Hung) -> None:
    line = said("@bird")
    assert lines(layout.rows(line, None, Columns(40, has_times=False))) == ["mei      @bird", "             [a bird]"]

    hung.sizes["bird"] = (2, 1)
    hung.version += 1

    assert lines(layout.rows(line, None, Columns(40, has_times=False))) == ["mei      ##"]


def test_a_picture_moves_once_and_tells_when(layout: LineLayout, hung: Hung) -> None:
    hung.frames, layout.now, line, columns = 3, 100.0, said("@cat"), Columns(40, has_times=False)

    def colour() -> int | None:
        part = next(part for part in layout.rows(line, None, columns)[0] if part.colours)
        assert part.colours
        return part.colours[1]

    first = colour()
    assert layout.changes_at == 100.25
    layout.now = 100.3
    assert colour() == (first or 0) + (1 << 16)
    layout.now, layout.changes_at = 100.8, float("inf")
    assert colour() == first
    assert layout.changes_at == float("inf")


@given(
    sizes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12)), min_size=1, max_size=3),
    columns=st.integers(1, 60),
    rows=st.integers(1, 8),
)
def test_pictures_never_leave_their_columns_and_rows(sizes: list[tuple[int, int]], columns: int, rows: int) -> None:
    hung = Hung(**{str(number): size for number, size in enumerate(sizes)})
    files = [PictureFile("", str(number), "") for number in range(len(sizes))]

    drawn = draw_pictures(files, hung, columns=columns, rows=rows, elapsed_s=0.0)

    assert drawn.rows
    assert not drawn.missing
    assert all(row_width(row) <= columns for row in drawn.rows)
    assert len(drawn.rows) <= rows * len(sizes)
