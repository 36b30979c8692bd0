"""The nodes of a chat in Redis, as one of them sees them."""

import itertools


class RedisNodes:
    """The maker of `Nodes` for a journal that several servers share."""

    def __init__(self, starts: int) -> None:
        """`starts` is a number that no other start of a node has had."""
        self._start = str(starts)
        self._numbers = itertools.count(1)

    def new_client_id(self) -> str:
        """Return an id that no client of any node has had.

        Behind the number of the start, whose length stands first, there is one of its own: no two can be the same.
        """
        return f"c{len(self._start)}{self._start}{next(self._numbers)}"
