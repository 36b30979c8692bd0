"""The marks that pruning leaves: for each room the highest id of an entry that it lost."""

MARKS_MAX = 16_384
"""Rooms and mailboxes with a mark. Of more, those pruned longest ago share one, the highest among theirs."""


class PruneMarks:
    """Marks in memory, with a bound on their number."""

    def __init__(self, floor: int = 0, marks_max: int = MARKS_MAX) -> None:
        """`floor` is the mark of every room that has no higher one of its own."""
        self._floor = floor
        self._marks_max = marks_max
        self._marks: dict[str, int] = {}

    def of(self, room: str) -> int:
        """Return the mark of a room; 0 if nothing was pruned there."""
        return max(self._floor, self._marks.get(room, 0))

    def raise_to(self, room: str, entry_id: int) -> None:
        """Note that an entry of a room was pruned."""
        self._marks[room] = max(entry_id, self._marks.get(room, 0))
        if len(self._marks) > self._marks_max:
            lowest_first = sorted(self._marks, key=self._marks.__getitem__)
            for oldest in lowest_first[: max(1, self._marks_max // 8)]:
                self._floor = max(self._floor, self._marks.pop(oldest))
