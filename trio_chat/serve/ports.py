"""The listening sockets of chat and admin API: bound here, or inherited from systemd."""

import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import trio

from admin_api.http.listening import adopt_listeners, open_listeners
from trio_chat.config import ServeSettings
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.systemd import Inherited
from trio_chat.server.transport.listener import bind, prepare

logger = logging.getLogger(__name__)

_REMEDIES = {errno.EADDRINUSE: "port", errno.EACCES: "port", errno.EADDRNOTAVAIL: "host"}


@asynccontextmanager
async def open_ports(
    settings: ServeSettings, inherited: Inherited, *, needs_admin: bool = True
) -> AsyncIterator[tuple[list[socket.socket], list[trio.SocketListener]]]:
    """Open both before anything starts, so that a port in use is reported at once. Raises SetupError.

    Inherited sockets are used as they are, whatever the settings say. All are closed at the end. Without `needs_admin`,
    an admin port in use is a warning, and there is no listener for the admin API.
    """
    with ExitStack() as opened:
        chat_sockets = _open_chat(settings, inherited.chat)
        for chat_socket in chat_sockets:
            opened.enter_context(chat_socket)
        admin_listeners = await _open_admin(settings, inherited.admin, is_needed=needs_admin)
        for listener in admin_listeners:
            opened.enter_context(listener.socket)
        yield chat_sockets, admin_listeners


def _open_chat(settings: ServeSettings, inherited: list[socket.socket]) -> list[socket.socket]:
    for listener in inherited:
        prepare(listener)
    if inherited:
        return inherited
    with _explaining("", settings.host, settings.port):
        return bind(settings.host, settings.port)


async def _open_admin(
    settings: ServeSettings, inherited: list[socket.socket], *, is_needed: bool
) -> list[trio.SocketListener]:
    if inherited:
        return adopt_listeners(inherited)
    try:
        with _explaining("admin-", settings.admin_host, settings.admin_port):
            return await open_listeners(settings.admin_host, settings.admin_port)
    except SetupError as error:
        if is_needed or not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
            raise
        logger.warning("the admin API is off: %s", error)
        return []


@contextmanager
def _explaining(prefix: str, host: str, port: int) -> Iterator[None]:
    """Turn the error of a failed bind into a SetupError that says what to do."""
    try:
        yield
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: an impossible host name
        has_port = host.startswith("[") or host.count(":") == 1
        hint = f", without brackets, and the port with --{prefix}port" if has_port else ""
        raise SetupError(
            f"cannot listen on {host!r}: there is no such name or address; choose another with --{prefix}host{hint}"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = f"; choose another with --{prefix}{_REMEDIES[error.errno]}" if error.errno in _REMEDIES else ""
        raise SetupError(f"cannot listen on {host or '*'} port {port}: {reason}{hint}") from error
