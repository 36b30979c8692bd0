"""Sessions that moved between this node and others.

Answers and signals overtake each other, since they come on different connections: by the number of a signal it is known
which of them are outdated.
"""

from collections.abc import Iterable

LOST_MAX = 10_000
"""Sessions that others took over and that are remembered, since an answer from before that may be on its way."""


class SessionMoves:
    """The numbers of the signals of the last moves of sessions."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        """By session that this node has taken over: the newest signal by then."""
        self._lost: dict[str, int] = {}
        """By session that another node has taken over from this one: the signal of that."""

    def note_taken(self, sessions: Iterable[str], number: int) -> None:
        """Note that this node has taken over sessions, when the newest signal had a number."""
        self._taken.update((session, number) for session in sessions)

    def note_lost(self, session: str, number: int) -> bool:
        """Note the signal by which another node took a session over. Returns False where it is outdated."""
        self._lost.pop(session, None)
        self._lost[session] = number
        if len(self._lost) > LOST_MAX:
            del self._lost[next(iter(self._lost))]
        return self._taken.get(session, 0) < number

    def is_taken(self, session: str) -> bool:
        """Tell whether this node has taken a session over, and still has it."""
        return session in self._taken

    def is_lost(self, session: str, *, since: int) -> bool:
        """Tell whether another node has taken a session over by a signal after this number."""
        return self._lost.get(session, 0) > since

    def forget(self, session: str) -> None:
        """Forget that a session was taken over: it has ended."""
        self._taken.pop(session, None)
