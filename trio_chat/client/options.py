"""The options of `join`: the address, the identity, and how the chat is shown."""

from dataclasses import dataclass

from trio_chat.client.link.address import Place, TcpPlace
from trio_chat.client.link.identity import Visitor
from trio_chat.client.link.known_servers import KnownServers, default_folder
from trio_chat.client.link.tls import TlsPlace
from trio_chat.config import JoinSettings, read_password_file


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


def place_of(host: str, port: int, settings: JoinSettings) -> Place:
    """Say where to go, and whether by TLS."""
    place = TcpPlace(host, port)
    if not (settings.tls or settings.tls_ca):
        return place
    return TlsPlace(place, KnownServers(default_folder()), authority=settings.tls_ca)


def visitor_of(settings: JoinSettings) -> Visitor:
    """Say who comes. It reads the password's file: call it before the event loop. Raises ConfigError."""
    password = settings.password.value if settings.password else ""
    if settings.password_file:
        password = read_password_file(settings.password_file)
    return Visitor(nick=settings.nick, rooms=(settings.room,), password=password)


def wishes_of(settings: JoinSettings) -> Wishes:
    """Say how the chat is to be shown."""
    return Wishes(past=settings.history, has_bell=settings.bell, has_times=settings.times)
