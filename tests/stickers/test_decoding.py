import tracemalloc
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stickers.pictures import BLUE, RED, gif_of, jpeg_of, picture_of, png_that_says
from trio_chat.stickers.decoding import PictureError, decode
from trio_chat.stickers.half_blocks import Run
from trio_chat.stickers.painters import HalfBlocks

paint = partial(decode, painter=HalfBlocks())
WHOLE = picture_of(RED, BLUE, form="GIF", size=(20, 20))


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "WEBP"])
def test_a_picture_of_each_format_is_decoded(form: str) -> None:
    picture = paint(picture_of(RED, form=form), columns=32, rows=8)

    (frame,) = picture.frames
    assert (picture.columns, picture.rows) == (4, 2)
    assert [run.text for row in frame.rows for run in row] == ["    ", "    "]
    assert all(run.back is not None and run.back >> 16 > 250 for row in frame.rows for run in row)


@pytest.mark.parametrize(
    ("size", "cells"),
    [((16, 16), (16, 8)), ((128, 128), (16, 8)), ((400, 100), (32, 4)), ((1, 2000), (1, 8)), ((3, 3), (3, 2))],
)
def test_a_picture_is_made_to_fit_and_never_larger(size: tuple[int, int], cells: tuple[int, int]) -> None:
    picture = paint(picture_of(RED, size=size), columns=32, rows=8)

    assert (picture.columns, picture.rows) == cells
    assert all(len(frame.rows) == cells[1] for frame in picture.frames)


def test_a_jpeg_that_becomes_sharper_in_steps_is_decoded() -> None:
    assert paint(jpeg_of(100), columns=32, rows=8).columns == 4


def test_the_frames_follow_each_other_once_and_the_first_stays() -> None:
    picture = paint(picture_of(RED, BLUE, form="GIF", duration_ms=200), columns=32, rows=8)

    red, blue = picture.frames
    assert red.rows[0] == (Run("    ", None, 0xFF0000),)
    assert picture.frame_at(0.0) == (red, pytest.approx(0.2))
    assert picture.frame_at(0.25) == (blue, pytest.approx(0.4))
    assert picture.frame_at(0.5) == (red, float("inf"))


def test_a_still_picture_has_the_first_frame_alone() -> None:
    assert len(paint(picture_of(RED, BLUE, form="GIF"), columns=32, rows=8, is_still=True).frames) == 1


def test_a_frame_that_names_no_time_takes_a_tenth_of_a_second() -> None:
    picture = paint(picture_of(RED, BLUE, form="GIF", duration_ms=0), columns=32, rows=8)

    assert picture.duration_s == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (jpeg_of(101), "a JPEG of more than 100 scans"),
        (png_that_says(50_000, 50_000), "more than 4194304 pixels"),
        (png_that_says(2049, 2048), "more than 4194304 pixels"),
        (gif_of(101), "101 frames; at most 100"),
        (gif_of(2, size=(65_535, 65_535)), "more than 4194304 pixels"),
        (gif_of(2, size=(2049, 2048)), "more than 4194304 pixels"),
        (picture_of(*(RED, BLUE) * 10, form="WEBP", size=(1000, 1000), lossless=True), "20000000 pixels in all"),
        (WHOLE[:-20], "a damaged picture"),
        (picture_of(RED, size=(50, 50))[:-30], "a damaged picture"),
        (picture_of(RED, form="BMP"), "none of PNG, GIF, JPEG and WebP"),
        (b"%!PS\n", "none of PNG"),
        (b"", "none of PNG"),
    ],
    ids=[
        "scans",
        "50000",
        "2049",
        "frames",
        "frame-65535",
        "frame-2049",
        "all",
        "cut-gif",
        "cut-png",
        "bmp",
        "ps",
        "nothing",
    ],
)
def test_a_picture_that_is_too_large_or_damaged_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        paint(data, columns=32, rows=8)


def test_a_bomb_is_refused_before_memory_is_taken_for_it() -> None:
    paint(picture_of(RED), columns=32, rows=8)  # so that the library is loaded
    tracemalloc.start()
    try:
        for bomb in (png_that_says(50_000, 50_000), gif_of(40_000), gif_of(2, size=(65_535, 65_535))):
            with pytest.raises(PictureError):
                paint(bomb, columns=32, rows=8)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(WHOLE)))
def test_a_damaged_file_is_shown_or_refused(at: int, byte: int, cut: int) -> None:
    data = (WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])[: cut or None]
    try:
        picture = paint(data, columns=32, rows=8)
    except PictureError:
        return
    assert picture.columns <= 32
    assert picture.rows <= 8
