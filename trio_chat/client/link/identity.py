"""Who comes to a server, and where it wants to be."""

from dataclasses import dataclass

from trio_chat.chat.events import LOBBY


@dataclass(frozen=True, slots=True)
class Identity:
    """One that `needs_nick` does not come in under another name."""

    nick: str | None = None
    rooms: tuple[str, ...] = (LOBBY,)
    password: str = ""
    needs_nick: bool = False
