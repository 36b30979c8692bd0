"""The rule for pruning by age. It cuts at an id instead of judging single times, since clocks go wrong."""

LOOK_AHEAD = 10_000
"""Young entries, minus old ones among them, after which the search for old ones ends."""


def vote(time: float, *, cutoff: float, now: float) -> int:
    """Tell whether the time of an entry is old (1), young (-1), or in the future, which says nothing (0)."""
    return 0 if time > now else 1 if time < cutoff else -1


class AgeCut:
    """The id up to which entries are old: the cut between old and young with the fewest exceptions, or the lowest such.

    So a clock that was years ahead for a while keeps nothing after it from being pruned, and one that was years behind
    has nothing before it pruned.
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
