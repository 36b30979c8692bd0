"""Removing old entries from Redis, slice by slice. The number of what is kept bounds its memory."""

import time
from collections.abc import Callable

import trio

from trio_chat.chat.events import Entry
from trio_chat.journal.age import AgeCut, vote
from trio_chat.journal.prune_marks import MARKS_MAX
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.reader import PAGE, RedisReader
from trio_chat.journal.redis.rows import digest_of
from trio_chat.journal.redis.scripts import script

SLICE = 100
"""Entries that one script prunes, in about 1 ms of Redis."""

PAUSE_RATIO = 4
"""The pause between two slices is this many times the duration of a slice."""


LOCK_S = 60.0
"""The lock of a node that prunes ends after this long. Two at once do the work twice, and no harm."""


class RedisPruning(RedisReader):
    """The part of a journal that removes entries."""

    _clock: Callable[[], float]
    _node: Node

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove entries, in the background, unless another node is doing that."""
        holder = await self._reads.hold("pruning", self._node.name, for_s=LOCK_S)
        if holder != self._node.name:
            return
        try:
            if older_than is not None:
                target = min(await self._old_to(older_than), self.last_id - 1)
                while self.pruned_to < target:
                    await self._prune_slice(target, SLICE)
            if more_than is not None:  # counted: after a loss, ids go on far above
                while (excess := await self._reads.length("order") - max(more_than, 1)) > 0:
                    await self._prune_slice(self.last_id - 1, min(SLICE, excess))
        finally:
            with trio.move_on_after(1, shield=True):
                await self._reads.delete("pruning")

    async def _prune_slice(self, target: int, most: int) -> None:
        """Remove the oldest entries, `most` at most and up to the id `target`; then pause."""
        began = time.perf_counter()
        digests = [
            digest_of(it.draft.session, it.draft.key)
            for it in await self.read(None, limit=most, after=self.pruned_to, before=target + 1)
            if isinstance(it, Entry) and it.draft.key
        ]
        pruned_to = int(await self._reads.call(script("prune"), target, most, MARKS_MAX, *digests))
        self.pruned_to = max(self.pruned_to, pruned_to)
        await trio.sleep((time.perf_counter() - began) * PAUSE_RATIO)

    async def _old_to(self, older_than: float) -> int:
        """Return the id up to which entries are old."""
        now, cut, after_id = self._clock(), AgeCut(self.pruned_to), self.pruned_to
        while not cut.is_settled:
            found = await self._reads.call(script("times"), after_id + 1, 2 * PAGE)
            if not found:
                break
            for number, micros in zip(found[::2], found[1::2], strict=True):
                cut.add(number, vote(micros / 1e6, cutoff=now - older_than, now=now))
                if cut.is_settled:
                    break
            after_id = found[-2]
        return cut.id
