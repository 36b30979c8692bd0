"""The identity of a client: its nick, its password and the rooms that it joins. Pure."""

from dataclasses import dataclass

from trio_chat.chat.events import LOBBY


@dataclass(frozen=True, slots=True)
class Identity:
    """The nick, password and rooms of a client. If `needs_nick`, it would rather be refused than get another name."""

    nick: str | None = None
    rooms: tuple[str, ...] = (LOBBY,)
    password: str = ""
    needs_nick: bool = False
