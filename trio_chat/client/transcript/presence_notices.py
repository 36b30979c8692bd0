"""Notices of who came and who left: one by one while they are few, then summed up. Pure.

From the fifth within a minute on they are counted, and the sum is shown once. As long as it goes on like that, nothing
more is shown of people who never spoke.
"""

from collections import deque

from trio_chat.client.transcript.presence_counts import count_notice, counts_in_words
from trio_chat.wire import frames

NOTICES_A_MINUTE = 4
"""Notices shown one by one within a minute, and as many again of people who have spoken."""

WINDOW_S = 60.0
QUIET_S = 3.0
"""Time without another notice after which a sum is shown; it is, WINDOW_S after the first, in any case."""

SAME_S = 5.0
"""Time in which the same notice in another room is about the same event: somebody is in several rooms."""

_RECENT_MAX = 1000


class PresenceNotices:
    """Decides which notices are shown, and sums up the others. Times are in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, str, str], tuple[float, str]] = {}
        """Time and room of the last notices of each kind, person and text."""
        self._times: deque[float] = deque(maxlen=_RECENT_MAX)
        self._named: deque[float] = deque(maxlen=NOTICES_A_MINUTE)
        self._counts: dict[str, int] = {}
        self._first = self._last = 0.0
        self._counted: frames.Said | str = ""
        """The last notice that was counted."""
        self._summed_at = float("-inf")
        self._is_silent = False

    def add(self, entry: frames.Said, now: float, *, has_spoken: bool) -> bool:
        """Add a notice about somebody who `has_spoken` or never has. -> whether it is shown by itself"""
        if self._is_repeated(entry):
            return False
        self._times.append(now)
        while self._times[0] < now - WINDOW_S:
            self._times.popleft()
        if len(self._times) <= NOTICES_A_MINUTE:
            self._is_silent = False
            return True
        if has_spoken and not (len(self._named) == NOTICES_A_MINUTE and self._named[0] > now - WINDOW_S):
            self._named.append(now)
            return True
        if has_spoken or not self._is_silent:
            self._count(entry, now)
        return False

    @property
    def due_at(self) -> float | None:
        """The time at which a sum is to be shown; None where there is none."""
        if not self._counts:
            return None
        return max(min(self._last + QUIET_S, self._first + WINDOW_S), self._summed_at + WINDOW_S)

    def take_sum(self, now: float) -> frames.Said | str:
        """Return the sum to be shown now, once; empty where there is none, and of one notice that notice itself."""
        if self.due_at is None or now < self.due_at:
            return ""
        counts, self._counts = self._counts, {}
        self._summed_at = now
        self._is_silent = True
        if sum(counts.values()) == 1:
            return self._counted
        return counts_in_words(counts)

    def _count(self, entry: frames.Said, now: float) -> None:
        if not self._counts:
            self._first = now
        self._last = now
        self._counted = entry
        count_notice(self._counts, entry)

    def _is_repeated(self, entry: frames.Said) -> bool:
        """Tell whether another room has had the notice: that somebody came to the chat, left it or changed names."""
        if entry.text.startswith("#"):  # only that room was entered or left
            return False
        key = (entry.kind, entry.author, entry.text)
        time, room = self._recent.pop(key, (float("-inf"), ""))
        is_repeated = abs(entry.time - time) < SAME_S and room != entry.room
        self._recent[key] = (time, room) if is_repeated else (entry.time, entry.room)
        if len(self._recent) > _RECENT_MAX:
            del self._recent[next(iter(self._recent))]
        return is_repeated
