"""Nodes: the servers that serve one chat. A chat need not know how many there are: it asks `Nodes`.

There are two makers of these: `Alone` here, for a server that has its journal for itself, and the one of a journal that
several servers share.
"""

import itertools
from typing import Protocol, runtime_checkable


@runtime_checkable
class Nodes(Protocol):
    """The servers of one chat, as one of them sees them."""

    def new_client_id(self) -> str:
        """Return an id that no client of any node has had: `c` and digits."""


class Alone:
    """The nodes of a chat with one server."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_client_id(self) -> str:
        """Return an id that no client of this server has had."""
        return f"c{next(self._numbers)}"
