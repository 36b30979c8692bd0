"""The identity of a client: its nick, its password and the rooms that it joins. Pure."""

from msgspec import Struct

from trio_chat.chat.events import LOBBY


class Identity(Struct, frozen=True):
    """The nick, password and rooms of a client. If `needs_nick`, it would rather be refused than get another name.

    `default_nick` is a nick that nobody asked for: if it cannot be had, nothing is said of it.
    """

    nick: str | None = None
    rooms: tuple[str, ...] = (LOBBY,)
    password: str = ""
    default_nick: str = ""
    needs_nick: bool = False
    owns_nick: bool = False
    """True if the nick is the person's own, as far as the client remembers: it would rather ask for the password first
    than join without it."""
    invite: str = ""
    """The code of an invite, by which the nick becomes the person's own."""
    sends_plain_password: bool = False
    """True if a password may be sent where others on the way can read it."""
    wants_remembered: bool = False
    """True if the rooms that the server remembers are to be joined too."""
