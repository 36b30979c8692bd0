"""The options of `join`: the address, the identity, and how the chat is shown."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import NICK_MAX, check_nick
from trio_chat.client.link.address import Address, TcpAddress
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.known_servers import SIGNED_BY_AUTHORITY, KnownServers, default_folder, fingerprint_of
from trio_chat.client.link.tls import TlsAddress
from trio_chat.client.startup_terminal import is_terminal
from trio_chat.client.themes import TERMINAL, Theme, theme_named
from trio_chat.config import ConfigError, JoinSettings, read_password_file
from trio_chat.config.client_file import ClientFile

WORDS_MAX = 8
"""Words that call a person: each line is searched for all of them."""


class ViewOptions(Struct, frozen=True):
    """Options of every view."""

    view: str | None = "lines"
    """`lines`, or `screen` where the whole of a terminal is wanted; None for the one that suits the terminal."""
    theme: Theme = TERMINAL
    """The colours of the screen view."""
    words: tuple[str, ...] = ()
    """Words that call the person as their name does."""
    history_lines: int | None = None
    """Lines of history shown when a room is joined, followed by who is there; None for neither."""
    has_bell: bool = False
    """True if a mention rings the terminal's bell."""
    has_links: bool = False
    """True if the screen view tells the terminal which addresses it may open (OSC 8)."""
    has_mouse: bool = False
    """True if the terminal reports the mouse to the screen view."""
    has_times: bool = False
    """True if lines have their time in front."""
    wraps: bool = True
    """True if long lines are broken at words; else the terminal breaks them."""
    pictures: str = "auto"
    """`auto` for as the terminal can, `blocks` for half blocks, `none` for their texts."""
    has_animation: bool = True
    """True if pictures move."""
    stickers: Path | None = None
    """A sticker file that adds to the default catalogue."""
    remembers_rooms: bool = False
    """True if rooms, ignored people and read marks are remembered from one time to the next."""
    remembers_lines: bool = False
    """True if typed lines are."""
    runs_commands: bool = False
    """True if lines of a pipe can be commands; else they are all text. Typed lines always can be."""
    key: str | None = None
    """The file with the key that proves the name, or `agent`; None for the key that the client made, if it did."""
    wait_s: float = 20
    """Time for which a pipe whose input has ended tries to reach the server."""


PLAIN = ViewOptions()


def address_from(host: str, port: int, settings: JoinSettings, digest: str = "") -> Address:
    """Return the address of the server: with TLS if the settings ask for it, or if it had TLS before.

    `digest` is that of the certificate which an invite names: no other is accepted. It is remembered once the server
    has shown it. This uses files: call it before the event loop. Raises ConfigError.
    """
    address = TcpAddress(host, port)
    invited = fingerprint_of(digest) if digest else ""
    if invited:
        _check_invite(KnownServers(default_folder()), host, port, invited)
    had_tls = bool(invited) or _had_tls(host, port)
    uses_tls = bool(settings.tls_ca) or (had_tls if settings.tls is None else settings.tls)
    if not uses_tls:
        return address
    return TlsAddress(address, KnownServers(default_folder()), ca_file=settings.tls_ca, invited=invited)


def _check_invite(known_servers: KnownServers, host: str, port: int, fingerprint: str) -> None:
    """Raise ConfigError for an invite that names another certificate than the server is known by."""
    try:
        known = known_servers.load(host, port)
    except OSError as error:
        raise ConfigError(f"cannot verify that it is {host} port {port}: {error}") from error
    if known not in ("", SIGNED_BY_AUTHORITY, fingerprint):
        raise ConfigError(
            f"the invite is for a server with another certificate than {host} port {port} had before, which was "
            f"{known}; if the invite is right, remove {known_servers.file_of(host, port)}"
        )


def _had_tls(host: str, port: int) -> bool:
    """Tell whether a server has shown a certificate before: it is never spoken to in the clear by mistake then."""
    try:
        return bool(KnownServers(default_folder()).load(host, port))
    except ConfigError:  # there is no folder to remember it in
        return False
    except OSError:
        return True  # the connection says why it cannot be verified


def identity_from(settings: JoinSettings, invite: str = "") -> Identity:
    """Return the identity, without rooms where the settings name none. `invite` is the code of one.

    It reads the password's file: call it before the event loop. Raises ConfigError.
    """
    password = settings.password.value if settings.password else ""
    if settings.password_file:
        password = read_password_file(settings.password_file)
    default_nick = default_nick_from(os.environ) if os.isatty(0) and os.isatty(1) else ""
    if invite and not (settings.nick or default_nick):
        raise ConfigError("an invite is for a name: put the one that you want after the line, as in -n alice")
    rooms = (settings.room,) if settings.room else ()
    return Identity(
        nick=settings.nick,
        rooms=rooms,
        password=password,
        default_nick=default_nick,
        invite=invite,
        sends_plain_password=settings.plain_passwords,
    )


def default_nick_from(environment: Mapping[str, str]) -> str:
    """Return the name of the user as a nick for somebody at a terminal; empty where it is none, or reserved."""
    try:
        return check_nick(environment.get("USER", ""))
    except ChatError:
        return ""


def view_options_from(settings: JoinSettings, file: ClientFile | None = None) -> ViewOptions:
    """Return the options of a view; `file` has the person's own themes. Raises ConfigError."""
    if len(settings.highlight) > WORDS_MAX or any(len(word) > NICK_MAX for word in settings.highlight):
        raise ConfigError(f"--highlight: expected at most {WORDS_MAX} words, of at most {NICK_MAX} characters each")
    return ViewOptions(
        view=settings.view,
        theme=theme_named(settings.theme, file.themes, file.where) if file else theme_named(settings.theme),
        words=settings.highlight,
        history_lines=settings.history,
        has_bell=settings.bell,
        has_links=settings.links,
        has_mouse=settings.mouse,
        has_times=(os.isatty(0) and os.isatty(1)) if settings.times is None else settings.times,
        wraps=settings.wrap,
        pictures=settings.pictures,
        has_animation=settings.animation,
        stickers=settings.stickers,
        remembers_rooms=settings.remember and os.isatty(0) and os.isatty(1),
        remembers_lines=settings.typed_history and is_terminal(),
        runs_commands=settings.commands,
        key=settings.key,
        wait_s=settings.wait,
    )
