import os
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.stickers.pictures import BLUE, RED, picture_of
from trio_chat.stickers import gallery as module
from trio_chat.stickers.gallery import Gallery
from trio_chat.stickers.painters import HalfBlocks
from trio_chat.stickers.picture import PictureFrame
from trio_chat.stickers.pixels import Pixels
from trio_chat.stickers.sticker import PictureFile

Make = Callable[..., PictureFile]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(name: str = "cat.png", data: bytes | None = None) -> PictureFile:
        (tmp_path / name).write_bytes(picture_of(RED) if data is None else data)
        return PictureFile(str(tmp_path), name, "a cat")

    return make


class Watched:
    """A gallery, with what it tells."""

    def __init__(self) -> None:
        self.gallery = Gallery()
        self.gallery.changed, self.gallery.warn = self._note_change, self._note_warning
        self.warnings: list[str] = []
        self._changed = trio.Event()

    def _note_change(self) -> None:
        self._changed.set()

    def _note_warning(self, text: str) -> None:
        self.warnings.append(text)

    async def change(self) -> None:
        await self._changed.wait()
        self._changed = trio.Event()


async def test_a_picture_is_there_after_it_was_asked_for(make: Make, nursery: trio.Nursery) -> None:
    watched, file = Watched(), make()
    nursery.start_soon(watched.gallery.run)

    assert watched.gallery.find(file, 32, 8) is None
    await watched.change()

    picture = watched.gallery.find(file, 32, 8)
    assert picture
    assert picture.columns == 4
    assert watched.gallery.version == 1


async def test_a_picture_that_cannot_be_shown_is_told_once(make: Make, nursery: trio.Nursery, tmp_path: Path) -> None:
    watched = Watched()
    os.mkfifo(tmp_path / "fifo.png")
    files = [
        make("cut.png", picture_of(RED)[:30]),
        PictureFile(str(tmp_path), "fifo.png", ""),
        PictureFile(str(tmp_path), "no.png", ""),
    ]
    nursery.start_soon(watched.gallery.run)

    for file in files:
        assert watched.gallery.find(file, 32, 8) is None
        await watched.change()
        assert watched.gallery.find(file, 32, 8) is None
        assert await watched.gallery.load(file, 32, 8) is None

    assert watched.warnings == [
        "the picture cut.png cannot be shown: a damaged picture, or none of PNG, GIF, JPEG and WebP",
        "the picture fifo.png cannot be shown: fifo.png is not a regular file",
        "the picture no.png cannot be shown: No such file or directory",
    ]


async def test_a_picture_that_was_not_there_is_looked_for_again_after_a_while(
    make: Make, nursery: trio.Nursery, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    watched, file = Watched(), PictureFile(str(tmp_path), "late.png", "")
    nursery.start_soon(watched.gallery.run)
    for _ in range(2):
        assert watched.gallery.find(file, 32, 8) is None
        await watched.change()
        mock_clock.jump(module.RETRY_S)
    make("late.png")

    assert watched.gallery.find(file, 32, 8) is None
    await watched.change()

    assert watched.gallery.find(file, 32, 8)
    assert watched.warnings == ["the picture late.png cannot be shown: No such file or directory"]


async def test_pictures_that_nobody_looked_at_for_longest_make_room(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_MAX_BYTES", 3000)
    gallery, files = Gallery(), [make(f"{number}.png") for number in range(4)]
    for file in files[:3]:
        assert await gallery.load(file, 32, 8)

    assert gallery.find(files[0], 32, 8)
    assert await gallery.load(files[3], 32, 8)

    assert [gallery.find(file, 32, 8) is not None for file in files] == [True, False, True, True]


async def test_the_loop_goes_on_while_a_picture_is_decoded(make: Make) -> None:
    file, turns, done = make("large.webp", picture_of(RED, BLUE, size=(2000, 2000), form="WEBP")), 0, trio.Event()
    gallery = Gallery()

    async def load() -> None:
        assert await gallery.load(file, 32, 8)
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(load)
        while not done.is_set():
            turns += 1
            await trio.lowlevel.checkpoint()

    assert turns > 10


async def test_pictures_in_view_that_move_and_do_not_fit_become_still_and_are_decoded_no_more(
    make: Make, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    monkeypatch.setattr(module, "KEPT_MAX_BYTES", 10_000)  # two that move, or five that are still
    moving = picture_of(*[RED, BLUE] * 2, form="GIF")
    watched, files = Watched(), [make(f"{number}.gif", moving) for number in range(4)]
    nursery.start_soon(watched.gallery.run)

    for looks in count():
        pictures = [watched.gallery.find(file, 32, 8) for file in files]
        if all(pictures):
            break
        assert looks < 20
        await watched.change()

    assert min(len(picture.frames) for picture in pictures if picture) == 1


async def test_a_picture_that_takes_too_much_to_move_is_still(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOVING_MAX_BYTES", 3000)
    gallery = Gallery()

    loaded = [await gallery.load(make(f"{n}.gif", picture_of(*[RED, BLUE] * n, form="GIF")), 32, 8) for n in (1, 2)]

    assert [len(picture.frames) for picture in loaded if picture] == [2, 1]


class Slow(HalfBlocks):
    """Paints when it may, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.has_begun, self.may_paint = threading.Event(), threading.Event()

    def paint(self, pixels: Pixels, duration_s: float, *, columns: int, rows: int) -> PictureFrame:
        self.asked += 1
        self.has_begun.set()
        self.may_paint.wait()
        return super().paint(pixels, duration_s, columns=columns, rows=rows)


async def test_a_picture_waits_for_one_that_nobody_waits_for_any_more(make: Make) -> None:
    gallery, slow, files = Gallery(), Slow(), [make(f"{number}.png") for number in range(3)]
    gallery.use(slow)

    for file in files[:2]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gallery.load, file, 32, 8)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(slow.has_begun.wait)
            nursery.cancel_scope.cancel()
    slow.may_paint.set()

    assert await gallery.load(files[2], 32, 8)
    assert slow.asked == 2  # the second one was never begun
