"""The rule for pruning by age, by ids and not by single times: clocks go wrong. The same for all engines."""

LOOK_AHEAD = 10_000
"""Young entries, less old ones among them, behind which no more old ones are looked for."""


def vote(time: float, *, cutoff: float, now: float) -> int:
    """Say of an entry's time whether it is old (1), young (-1), or of the future, which says nothing (0)."""
    return 0 if time > now else 1 if time < cutoff else -1


class AgeCut:
    """The id up to which entries are old: where it parts old from young with the fewest exceptions.

    So neither a clock that was years ahead for a while keeps what is behind it, nor does one that was years behind
    remove what is before it. Of several such ids it is the lowest.
    """

    def __init__(self, after_id: int) -> None:
        """Votes are added for the entries with higher ids, in their order."""
        self.id = after_id
        self._score = 0
        self._best = 0

    @property
    def is_settled(self) -> bool:
        """Further votes are not needed."""
        return self._best - self._score >= LOOK_AHEAD

    def add(self, entry_id: int, vote: int) -> None:
        """Add the vote of the next entry."""
        self._score += vote
        if self._score > self._best:
            self.id, self._best = entry_id, self._score
