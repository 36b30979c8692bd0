"""A cache of pictures for a client: each is decoded in a thread when it is first shown."""

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeVar

import trio
from msgspec.structs import replace

from trio_chat.stickers.decoding import decode
from trio_chat.stickers.painters import HalfBlocks, Painter
from trio_chat.stickers.picture import Picture
from trio_chat.stickers.picture_file import read_picture
from trio_chat.stickers.sticker import PictureFile

KEPT_MAX_BYTES = 16 * 1024 * 1024
"""Approximate memory for all pictures in the cache."""

MOVING_MAX_BYTES = KEPT_MAX_BYTES // 4
"""Memory for one animated picture: 48 KiB from a server can become 27 MB of kitty's commands, frame by frame."""

WANTED_MAX, FAILED_MAX, EVICTED_MAX = 100, 1000, 1000
"""Maximum number of pictures that wait to be decoded, that are known to have failed, and known to have been evicted."""

RETRY_S = 60.0
"""Time after which a picture that was not there is looked for again: the server may have been away, or busy."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _SizedPicture(NamedTuple):
    """A picture in a size."""

    file: PictureFile
    columns: int
    rows: int


class Gallery:
    """A cache of decoded pictures, least recently used first. It decodes one at a time."""

    def __init__(self, *, is_still: bool = False) -> None:
        """If `is_still`, no picture is animated."""
        self._is_still = is_still
        self._painter: Painter = HalfBlocks()
        self.changed: Callable[[], None] = lambda: None
        """Called when a picture has been decoded, or has failed."""
        self.warn: Callable[[str], None] = lambda _text: None
        """Called with a sentence for each picture that cannot be shown."""
        self.fetch: Callable[[PictureFile], Awaitable[bool]] = _fetch_nothing
        """Called with a picture whose file is not there; returns whether it is there now."""
        self.send: Callable[[str], None] = lambda _commands: None
        """Called with commands for the terminal that belong to pictures."""
        self.version = 0
        """Number of changes so far."""
        self._kept: dict[_SizedPicture, Picture] = {}
        self._failed: dict[PictureFile, float] = {}
        """Pictures that cannot be shown, with the time at which to try again."""
        self._evicted: dict[_SizedPicture, None] = {}
        """Pictures that are shown still from now on: animated ones in view that do not all fit would otherwise evict
        each other for ever."""
        self._wanted: dict[_SizedPicture, None] = {}
        self._is_wanted = trio.Event()
        self._one_thread = trio.CapacityLimiter(1)  # a thread that was abandoned keeps it until it ends

    def use(self, painter: Painter) -> None:
        """Paint all pictures with another painter from now on."""
        self._painter = painter
        self._kept.clear()
        self._note_change()

    def find(self, file: PictureFile, columns: int, rows: int) -> Picture | None:
        """Return a picture that fits into so many cells, or None; it is decoded then, unless it has failed already."""
        key = _SizedPicture(file, columns, rows)
        if picture := self._kept.pop(key, None):
            self._kept[key] = picture  # as the most recently used one
            return picture
        if not self._has_failed(file) and len(self._wanted) < WANTED_MAX:
            self._wanted[key] = None
            self._is_wanted.set()
        return None

    async def load(self, file: PictureFile, columns: int, rows: int) -> Picture | None:
        """Return a picture that fits into so many cells, once it is decoded; None if it cannot be shown."""
        key = _SizedPicture(file, columns, rows)
        if key not in self._kept and not self._has_failed(file):
            await self._decode(key)
        return self._kept.get(key)

    async def run(self) -> None:
        """Decode the pictures that were asked for, until cancelled."""
        while True:
            await self._is_wanted.wait()
            while self._wanted:
                await self._decode(next(iter(self._wanted)))
            self._is_wanted = trio.Event()

    async def _decode(self, key: _SizedPicture) -> None:
        painter = self._painter
        try:
            picture = await self._read(key, painter)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            is_missing = isinstance(error, FileNotFoundError)
            self._fail(key.file, str(reason), until=trio.current_time() + RETRY_S if is_missing else math.inf)
        else:
            if painter is self._painter:
                self._keep(key, picture)
        self._wanted.pop(key, None)
        self._note_change()

    async def _read(self, key: _SizedPicture, painter: Painter) -> Picture:
        read = partial(_read, key, painter, is_still=self._is_still or key in self._evicted)
        in_thread = partial(trio.to_thread.run_sync, read, abandon_on_cancel=True, limiter=self._one_thread)
        try:
            return await in_thread()
        except FileNotFoundError:
            if not await self.fetch(key.file):
                raise
        return await in_thread()

    def _note_change(self) -> None:
        self.version += 1
        self.changed()

    def _keep(self, key: _SizedPicture, picture: Picture) -> None:
        if picture.size_bytes > MOVING_MAX_BYTES:
            picture = replace(picture, frames=picture.frames[:1])
        self._kept[key] = picture
        self.send("".join(frame.sent_before for frame in picture.frames))
        while len(self._kept) > 1 and sum(kept.size_bytes for kept in self._kept.values()) > KEPT_MAX_BYTES:
            oldest = next(iter(self._kept))
            self._drop(oldest)
            _put_bounded(self._evicted, oldest, None, most=EVICTED_MAX)

    def _drop(self, key: _SizedPicture) -> None:
        self.send("".join(frame.sent_after for frame in self._kept.pop(key).frames))

    def close(self) -> None:
        """Remove all pictures from the terminal's memory."""
        for key in tuple(self._kept):
            self._drop(key)

    def _has_failed(self, file: PictureFile) -> bool:
        return file in self._failed and trio.current_time() < self._failed[file]

    def _fail(self, file: PictureFile, reason: str, *, until: float) -> None:
        is_known = file in self._failed
        _put_bounded(self._failed, file, until, most=FAILED_MAX)
        if not is_known:
            self.warn(f"the picture {file.title} cannot be shown: {reason}")


def _put_bounded(table: dict[_Key, _Value], key: _Key, value: _Value, *, most: int) -> None:
    """Put a value into a table, in place of the oldest one if there are `most`."""
    if key not in table and len(table) == most:
        del table[next(iter(table))]
    table[key] = value


async def _fetch_nothing(_file: PictureFile) -> bool:
    return False


def _read(key: _SizedPicture, painter: Painter, *, is_still: bool) -> Picture:
    return decode(read_picture(key.file), painter, columns=key.columns, rows=key.rows, is_still=is_still)
