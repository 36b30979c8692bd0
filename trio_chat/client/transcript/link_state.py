"""The state of a link that a transcript reads: a `Link` has it, and so may anything else. Pure."""

from typing import Protocol

from trio_chat.client.link.events import Message


class JoinedRooms(Protocol):
    """The rooms that we are in."""

    @property
    def label(self) -> str:
        """Our name as others see it."""

    @property
    def account(self) -> str:
        """The id of our account; empty for a guest."""

    @property
    def rooms(self) -> dict[str, str]:
        """The topic of each room by name."""

    @property
    def epoch(self) -> str:
        """The epoch of the server's journal, to which ids belong; empty before the first connection."""

    def newest_id_before(self, room: str) -> int | None:
        """Return the id of the newest entry when the room was joined; None where that is not known."""


class LinkState(JoinedRooms, Protocol):
    """A link as a narrator sees it."""

    @property
    def is_connected(self) -> bool:
        """True if the server has welcomed us and the connection has not been lost, as far as we know."""

    @property
    def pending(self) -> tuple[Message, ...]:
        """Messages that are not acknowledged yet, oldest first."""
