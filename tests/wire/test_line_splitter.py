"""Long lines in small pieces: the work is by their length, not by its square."""

import time
from collections.abc import Callable

import pytest

from trio_chat.wire.frame_decoder import reply_decoder
from trio_chat.wire.frames import REPLY_LIMIT
from trio_chat.wire.line_splitter import LineSplitter

PIECE = b"x" * 2048

SMALL, LARGE = 1536, 6144
"""Pieces of two lines, one four times as long as the other: its work is four times as much, not sixteen times."""

RATIO_MAX = 8


def cpu_s(feed: Callable[[bytes], list], pieces: int) -> float:
    """Return the CPU time, in seconds, for one line in so many pieces."""
    before = time.thread_time()
    for _ in range(pieces):
        assert feed(PIECE) == []
    assert len(feed(b"\n")) == 1
    return time.thread_time() - before


@pytest.mark.parametrize(
    "open_door", [lambda: LineSplitter(REPLY_LIMIT).feed, lambda: reply_decoder().feed], ids=["lines", "frames"]
)
def test_a_line_four_times_as_long_is_about_four_times_the_work(open_door: Callable[[], Callable]) -> None:
    assert LARGE * len(PIECE) < REPLY_LIMIT

    tries = [(cpu_s(open_door(), SMALL), cpu_s(open_door(), LARGE)) for _ in range(7)]

    small_s, large_s = (min(times) for times in zip(*tries, strict=True))
    assert large_s / small_s < RATIO_MAX
