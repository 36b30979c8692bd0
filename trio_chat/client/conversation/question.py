"""A question at the prompt, and the keys that answer it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio


@dataclass(eq=False)
class Question:
    """A question that stands in place of the prompt, until a key answers it."""

    text: str
    then: Callable[[str], None] = lambda _key: None
    """Called with the key."""
    keys: str = "yne"
    """The keys that answer it; all others are ignored."""
    is_secret: bool = False
    """True if it is answered by a line, which is not shown."""
    secret: str = field(default="", repr=False)
    """The line so far."""
    answer: str = field(default="", repr=False)
    answered: trio.Event = field(default_factory=trio.Event)
