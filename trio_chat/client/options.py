"""The options of `join`: the address, the identity, and how the chat is shown."""

from dataclasses import dataclass

from trio_chat.client.link.address import Address, TcpAddress
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.known_servers import KnownServers, default_folder
from trio_chat.client.link.tls import TlsAddress
from trio_chat.config import JoinSettings, read_password_file


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What can be told of it; at first the plainest."""

    past: int | None = None
    """How many lines of a room are shown when it is entered, and then who is there; where None, nothing of that."""
    has_bell: bool = False
    """Whether the terminal rings where somebody says their name or writes to them alone."""
    has_times: bool = False
    """Whether what is said has its time in front."""


PLAIN = ViewOptions()


def address_from(host: str, port: int, settings: JoinSettings) -> Address:
    """Say where to go, and whether by TLS."""
    place = TcpAddress(host, port)
    if not (settings.tls or settings.tls_ca):
        return place
    return TlsAddress(place, KnownServers(default_folder()), authority=settings.tls_ca)


def identity_from(settings: JoinSettings) -> Identity:
    """Say who comes. It reads the password's file: call it before the event loop. Raises ConfigError."""
    password = settings.password.value if settings.password else ""
    if settings.password_file:
        password = read_password_file(settings.password_file)
    return Identity(nick=settings.nick, rooms=(settings.room,), password=password)


def view_options_from(settings: JoinSettings) -> ViewOptions:
    """Say how the chat is to be shown."""
    return ViewOptions(past=settings.history, has_bell=settings.bell, has_times=settings.times)
