"""From the settings of `join` to what a visit needs: where to go, as whom, and how the chat is to be shown."""

from trio_chat.client.link.address import Place, TcpPlace
from trio_chat.client.link.identity import Visitor
from trio_chat.client.link.known_servers import KnownServers, default_folder
from trio_chat.client.link.tls import TlsPlace
from trio_chat.client.wishes import Wishes
from trio_chat.config import JoinSettings, read_password_file


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
