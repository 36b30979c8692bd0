"""The identity of a client: its nick, its password and the rooms that it joins. Pure."""

from dataclasses import dataclass

from trio_chat.chat.events import LOBBY


@dataclass(frozen=True, slots=True)
class Identity:
    """If `needs_nick`, the client is refused rather than let in under another name."""

    nick: str | None = None
    rooms: tuple[str, ...] = (LOBBY,)
    password: str = ""
    needs_nick: bool = False
