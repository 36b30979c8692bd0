"""Finding the admin API: named by the settings, or left by a server in its data folder."""

import getpass
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trio_chat.config import (
    AdminAddress,
    CollectedSettings,
    ConfigError,
    OperatorSettings,
    read_address,
    read_token_file,
)
from trio_chat.operate.errors import ExitStatus, OperatorError

_EVERY_INTERFACE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class ServerLocation:
    """The URL of an admin API, without a slash at its end, and what to show it.

    `name` is shown in the audit. `hint` says what to do where nobody answers.
    """

    url: str
    token: str = field(default="", repr=False)
    name: str = ""
    ca_file: Path | None = None
    is_verified: bool = True
    """False for a server on this machine: its certificate is for another name, and whoever could take its place could
    do so without TLS too."""
    is_published: bool = False
    """True if a server that runs has left this in its data folder."""
    hint: str = ""


class ServerFinder:
    """Finds the admin API, again and again: a server that was restarted may have another port."""

    def __init__(self, collect: Callable[[], CollectedSettings]) -> None:
        """`collect` reads flags, variables and file."""
        self._collect = collect
        self._has_found_folder = False

    def find(self) -> ServerLocation:
        """Find it; once a server was found by its folder, by that alone. Raises OperatorError, ConfigError."""
        found = self._collect()
        given = {*found.values, "data"} if self._has_found_folder else {*found.values}
        location = find_server(found.build(OperatorSettings), given)
        if self._has_found_folder and not location.is_published:
            raise OperatorError(ExitStatus.NOT_REACHED, "the server has stopped")
        self._has_found_folder = location.is_published
        return location


def find_server(settings: OperatorSettings, given: Collection[str]) -> ServerLocation:
    """Find the admin API. `given` has the names of the settings that are not defaults.

    A URL comes first; then the server that runs on a data folder that was given; then an address and port that were
    given, as the server's own settings have them; then whatever runs on the data folder of this user, and last the port
    that servers take by default. Raises OperatorError, ConfigError.
    """
    if settings.admin:
        return _named(settings)
    names_port = not {"admin_host", "admin_port"}.isdisjoint(given)
    if ("data" in given or not names_port) and (address := _published(settings.data)):
        hint = f"the server on {settings.data} has written that it is there"
        return _on_this_machine(settings, address, hint, is_published=True)
    if "data" in given and not names_port:  # and not another server, which happens to have the usual port
        text = f"no server runs on {settings.data}: start one, or name one with --admin URL"
        raise OperatorError(ExitStatus.NOT_REACHED, text)
    hint = f"no server runs on {settings.data}; name one with --admin URL, or its folder with --data DIR"
    return _on_this_machine(settings, AdminAddress(_url_of(settings), needs_token=True), hint, is_published=False)


def _url_of(settings: OperatorSettings) -> str:
    host = _EVERY_INTERFACE.get(settings.admin_host, settings.admin_host)
    netloc = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.admin_tls else 'http'}://{netloc}:{settings.admin_port or 8080}"


def _named(settings: OperatorSettings) -> ServerLocation:
    parts = urlsplit(settings.admin or "")
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    is_local = parts.hostname in _LOOPBACK and settings.admin_ca is None
    token = _token(settings, None)
    return ServerLocation(
        url,
        token,
        parts.username or (_user() if token else ""),
        settings.admin_ca,
        is_verified=not is_local,
        hint="is the server running, and does its admin API listen there?",
    )


def _on_this_machine(
    settings: OperatorSettings, address: AdminAddress, hint: str, *, is_published: bool
) -> ServerLocation:
    token = _token(settings, address.token_file)
    # A name without a token would be taken for a wrong one where a token is needed.
    return ServerLocation(
        address.url,
        token,
        name=_user() if token or not address.needs_token else "",
        ca_file=settings.admin_ca,
        is_verified=settings.admin_ca is not None,
        is_published=is_published,
        hint=hint,
    )


def _published(folder: Path) -> AdminAddress | None:
    try:
        return read_address(folder)
    except OSError as error:
        raise OperatorError(
            ExitStatus.NOT_REACHED,
            f"cannot read {error.filename or folder}: {error.strerror}; run this as the user of the server, or name it "
            "with --admin URL",
        ) from error


def _token(settings: OperatorSettings, published: str | None) -> str:
    if settings.admin_token:
        return settings.admin_token.value
    file = settings.admin_token_file or (Path(published) if published else None)
    try:
        return read_token_file(file) if file else ""
    except ConfigError as error:
        raise OperatorError(ExitStatus.NOT_ADMITTED, str(error)) from error


def _user() -> str:
    """Return the name of whoever runs this, for the audit: behind sudo, of who has called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in a container
        return ""
