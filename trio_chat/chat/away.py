"""Clients that are away: their connection broke, and their session can still be resumed."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from trio_chat.chat.client import Client


class Absence(NamedTuple):
    """Seconds since the connection of a client broke, and for which its session is still held."""

    away_s: float
    left_s: float


class AwayClients(Collection[Client]):
    """Clients that are away, in the order in which their connections broke."""

    def __init__(self) -> None:
        self._sizes: dict[Client, int] = {}
        self._by_origin: dict[int, dict[Client, None]] = {}
        self.size = 0
        """The number of these clients, and of the rooms that they are in."""

    def __contains__(self, client: object) -> bool:
        return client in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._sizes)

    def add(self, client: Client, *, rooms: int) -> None:
        """Add a client that is in so many rooms."""
        self._sizes[client] = 1 + rooms
        self.size += 1 + rooms
        self._by_origin.setdefault(client.origin, {})[client] = None

    def remove(self, client: Client) -> None:
        """Remove a client."""
        self.size -= self._sizes.pop(client)
        same_origin = self._by_origin[client.origin]
        del same_origin[client]
        if not same_origin:
            del self._by_origin[client.origin]

    def oldest(self, origin: int | None = None) -> Client | None:
        """The client that has been away for longest, of all or of one origin."""
        clients = self._sizes if origin is None else self._by_origin.get(origin, {})
        return next(iter(clients), None)
