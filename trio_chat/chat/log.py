"""A room's log: a bounded window of its newest entries, each encoded once per wire format that has readers.

Positions in the log are *indices*: 0 is the first entry that this server put here, and an index never changes its
meaning. The window reaches from `base` up to `end`. A *cursor* is the index of the entry that its reader gets next.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Generic, TypeVar

from trio_chat.chat.events import Entry
from trio_chat.chat.window_budget import WindowBudget

SLICE_BYTES = 256 * 1024
"""Bytes of a slice at most, but always one whole entry: a socket's send buffer rarely takes more at once."""

CACHED_SLICES = 16
"""Slices remembered until more entries come. Most readers have one cursor; stragglers must not pin 256 KiB each."""

PIECE_BYTES = 96
"""Memory of a piece besides its bytes: its object header, its start and two list slots."""

ID_BYTES = 40
"""Memory of the id of an entry: an integer and a list slot."""

T = TypeVar("T")

Encode = Callable[[Entry], bytes]


class Mode(StrEnum):
    """The ways of speaking to the server; each encodes an entry in its own way."""

    LINES = "lines"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True)
class Window:
    """Bounds of the entries of a room that are kept in memory: whichever is reached first."""

    entries: int = 65536
    size_bytes: int = 16 * 1024 * 1024


class Track(Generic[T]):
    """The window in one wire format, from index `base` on; entries up to the id `after_id` have left it.

    `starts[i]` is where piece i begins in the stream of all bytes ever put here.
    """

    __slots__ = ("_sliced_bytes", "_slices", "after_id", "base", "encode", "pieces", "readers", "starts")

    def __init__(self, encode: Callable[[T], bytes], base: int = 0, after_id: int = 0) -> None:
        self.encode = encode
        self.base = base
        self.after_id = after_id
        self.readers = 0
        self.pieces: list[bytes] = []
        self.starts = [0]
        self._slices: dict[int, tuple[bytes, int]] = {}
        self._sliced_bytes = 0

    @property
    def end(self) -> int:
        """The index that the next entry gets."""
        return self.base + len(self.pieces)

    @property
    def size_bytes(self) -> int:
        """Size of the window in this format."""
        return self.starts[-1] - self.starts[0]

    def extend(self, entries: Sequence[T]) -> None:
        """Encode more entries."""
        pieces = list(map(self.encode, entries))
        self.pieces += pieces
        self.starts += accumulate(map(len, pieces), initial=self.starts.pop())
        self._slices.clear()
        self._sliced_bytes = 0

    def replace(self, index: int, entry: T) -> None:
        """Encode another entry in the place of the one at an index inside the window.

        `starts` are moved on the side with fewer of them: 0.5 ms in the middle of a full window.
        """
        at, piece = index - self.base, self.encode(entry)
        growth = len(piece) - len(self.pieces[at])
        self.pieces[at] = piece
        if at < len(self.pieces) // 2:
            self.starts[: at + 1] = [start - growth for start in self.starts[: at + 1]]
        else:
            self.starts[at + 1 :] = [start + growth for start in self.starts[at + 1 :]]
        self._forget_slices()

    def drop_before(self, index: int, after_id: int) -> None:
        """Forget the pieces before an index; `after_id` is the id of the newest of them."""
        count = index - self.base
        if count > 0:
            del self.pieces[:count]
            del self.starts[:count]
            self.base, self.after_id = index, after_id
            self._forget_slices()

    def skip_to(self, index: int, after_id: int) -> None:
        """Forget all pieces; the next one gets this index."""
        self.pieces, self.starts = [], [0]
        self.base, self.after_id = index, after_id
        self._forget_slices()

    def covers(self, entry_id: int) -> bool:
        """Tell whether everything newer than `entry_id` is here."""
        return entry_id >= self.after_id

    def size_between(self, start: int, end: int) -> int:
        """Bytes from index `start` up to `end`, both inside the window."""
        return self.starts[end - self.base] - self.starts[start - self.base]

    def pieces_between(self, start: int, end: int) -> Sequence[bytes]:
        """Return the encoded entries from index `start` up to `end`, both inside the window."""
        return self.pieces[start - self.base : end - self.base]

    def slice(self, start: int) -> tuple[bytes, int]:
        """Return the bytes from index `start` on, up to SLICE_BYTES, and the cursor behind them.

        All readers at this index are given the same object.
        """
        if (hit := self._slices.get(start)) is None:
            end = self._slice_end(start)
            hit = b"".join(self.pieces[start - self.base : end - self.base]), end
            self._sliced_bytes += len(hit[0])
            if len(self._slices) >= CACHED_SLICES or self._sliced_bytes > 2 * self.size_bytes:
                self._slices.clear()  # windows are small where there are very many: slices must not outweigh them
                self._sliced_bytes = len(hit[0])
            self._slices[start] = hit
        return hit

    def slice_without(
        self, start: int, without: Sequence[int], *, before: int = sys.maxsize, most_bytes: int = SLICE_BYTES
    ) -> tuple[bytes, int]:
        """Like `slice`, leaving out the entries at the ascending indices `without`, none of them below `start`.

        It ends before the index `before`, and has up to `most_bytes`.
        """
        end = min(self._slice_end(start, most_bytes), before)
        parts: list[bytes] = []
        at = start
        for gap in without[: bisect_left(without, end)]:
            parts += self.pieces[at - self.base : gap - self.base]
            at = gap + 1
        parts += self.pieces[at - self.base : end - self.base]
        return b"".join(parts), end

    def split(self, start: int, sent: int, without: Sequence[int] = ()) -> tuple[int, bytes]:
        """Return the cursor and the tail after the first `sent` bytes of the slice from `start` were sent.

        The cursor is behind the entry that they end in; the tail is the rest of that entry.
        """
        target = self.starts[start - self.base] + sent
        for gap in without:
            if self.starts[gap - self.base] >= target:
                break
            target += len(self.pieces[gap - self.base])
        whole = bisect_right(self.starts, target) - 1
        if taken := target - self.starts[whole]:
            return self.base + whole + 1, self.pieces[whole][taken:]
        return self.base + whole, b""

    def _forget_slices(self) -> None:
        self._slices.clear()
        self._sliced_bytes = 0

    def _slice_end(self, start: int, most_bytes: int = SLICE_BYTES) -> int:
        """Return the index behind the last entry that fits into a slice from `start`, which has one entry at least."""
        first = start - self.base
        last = bisect_right(self.starts, self.starts[first] + most_bytes) - 1
        return self.base + min(max(last, first + 1), len(self.pieces))


class Log:
    """A room's window: the ids of its entries, and a track for each mode that is read."""

    def __init__(
        self,
        encoders: Mapping[Mode, Encode],
        window: Window,
        after_id: int = 0,
        budget: WindowBudget | None = None,
    ) -> None:
        """`after_id` is the newest id of the journal at this time: newer entries arrive here.

        `budget` is shared by all windows; None for one that stands alone.
        """
        self._encoders = encoders
        self._window = window
        self._budget = budget or WindowBudget()
        self._last_id = after_id
        self._ids: list[int] = []
        self._tracks: dict[Mode, Track[Entry]] = {}
        self.base = 0
        self.memory_bytes = 0
        """Memory of the window, as its budget knows it."""
        self._budget.add(self)

    @property
    def last_id(self) -> int:
        """The id of the newest entry, or of the newest anywhere when this was made."""
        return self._last_id

    @property
    def end(self) -> int:
        """The index that the next entry gets."""
        return self.base + len(self._ids)

    def open_track(self, mode: Mode) -> Track[Entry]:
        """Give a reader the track of its mode, which begins here where nobody has read it yet."""
        track = self._tracks.get(mode)
        if track is None:
            track = self._tracks[mode] = Track(self._encoders[mode], self.end, self._last_id)
        track.readers += 1
        return track

    def close_track(self, mode: Mode) -> None:
        """Take a reader off a track, which is dropped with its last reader."""
        track = self._tracks[mode]
        track.readers -= 1
        if not track.readers:
            del self._tracks[mode]
            self._report()

    def close(self) -> None:
        """Take the window out of its budget: nobody reads it any more."""
        self._budget.remove(self)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Append entries, newer than all before them. The oldest leave where the window exceeds its bounds."""
        self._ids += [entry.id for entry in entries]
        self._last_id = self._ids[-1]
        size = 0
        for track in self._tracks.values():
            track.extend(entries)
            size += track.size_bytes
        if size > self._window.size_bytes or len(self._ids) > self._window.entries:
            self._trim(size)
        self._report()
        if self._budget.used_bytes > self._budget.unchecked_bytes:
            self._budget.enforce()

    def replace(self, entry: Entry) -> None:
        """Put a tombstone in the place of the entry with its id, where that is in the window still.

        Cursors stay where they are; the rest of an entry that was sent in part is not here any more.
        """
        at = bisect_left(self._ids, entry.id)
        if at == len(self._ids) or self._ids[at] != entry.id:
            return
        for track in self._tracks.values():
            if self.base + at >= track.base:
                track.replace(self.base + at, entry)
        self._report()

    def shrink(self, size_bytes: int, *, keep: int) -> None:
        """Drop the oldest entries until no more memory is used, but keep so many."""
        most = max(0, len(self._ids) - keep)
        sizes = range(most)
        self._drop_oldest(bisect_left(sizes, -size_bytes, key=lambda count: -self._memory_without(count)))
        self._report()

    def skip_to(self, index: int, last_id: int) -> None:
        """Drop everything, including entries half appended when memory ran out. The next one gets this index."""
        self._ids = []
        self.base, self._last_id = index, last_id
        for track in self._tracks.values():
            track.skip_to(index, last_id)
        self._report()

    def id_at(self, index: int) -> int:
        """The id of the entry at an index inside the window."""
        return self._ids[index - self.base]

    def index_after(self, entry_id: int) -> int:
        """The cursor of a reader that has seen everything up to `entry_id`; `base` if that has left the window."""
        return self.base + bisect_right(self._ids, entry_id)

    def _trim(self, size: int) -> None:
        """Drop an eighth at once, or more if needed: moving the lists then costs little for each group of entries."""
        count = max(len(self._ids) // 8, len(self._ids) - self._window.entries)
        while count < len(self._ids) - 1 and size - self._size_of_oldest(count) > self._window.size_bytes:
            count += max(1, count // 8)
        self._drop_oldest(min(count, len(self._ids) - 1))

    def _drop_oldest(self, count: int) -> None:
        if count == 0:
            return
        after_id = self._ids[count - 1]
        del self._ids[:count]
        self.base += count
        for track in self._tracks.values():
            track.drop_before(self.base, after_id)

    def _report(self) -> None:
        size = ID_BYTES * len(self._ids)
        for track in self._tracks.values():
            size += track.size_bytes + PIECE_BYTES * len(track.pieces)
        self._budget.used_bytes += size - self.memory_bytes
        self.memory_bytes = size

    def _memory_without(self, count: int) -> int:
        """Memory of the window, in bytes, without its `count` oldest entries."""
        size = ID_BYTES * (len(self._ids) - count)
        for track in self._tracks.values():
            first = max(track.base, self.base + count)
            size += track.size_between(first, track.end) + PIECE_BYTES * (track.end - first)
        return size

    def _size_of_oldest(self, count: int) -> int:
        end = self.base + count
        return sum(track.size_between(track.base, max(track.base, end)) for track in self._tracks.values())
