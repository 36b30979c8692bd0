"""How a person wants the chat to be shown to them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wishes:
    """What can be told of it; at first the plainest."""

    past: int | None = None
    """How many lines of a room are shown when it is entered, and then who is there; where None, nothing of that."""
    has_bell: bool = False
    """Whether the terminal rings where somebody says their name or writes to them alone."""
    has_times: bool = False
    """Whether what is said has its time in front."""


PLAIN = Wishes()
