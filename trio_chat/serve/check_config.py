"""`trio-chat check-config`: report whether a server would start with these settings, and change nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import msgspec
import trio

from trio_chat.config import DEFAULT_SOURCE, CollectedSettings, ServeSettings, settings_of
from trio_chat.journal import Durability, JournalError, check_journal, warning_without_keep
from trio_chat.serve.admin import Admin
from trio_chat.serve.ports import open_ports
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.server.credentials.names_file import read_names_file
from trio_chat.server.credentials.own_certificate import own_certificate
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.secret_files import (
    AdminToken,
    needs_own_certificate,
    read_admin_token,
    read_password,
    read_proxy_certificate,
    read_tls,
)
from trio_chat.server.operation.systemd import Inherited
from trio_chat.server.transport.tls import Tls
from trio_chat.server.upkeep.sticker_keeping import warnings_about


def check(found: CollectedSettings, *, is_quiet: bool) -> int:
    """Print the settings and their sources, unless `is_quiet`, and every problem on stderr, a line each.

    -> exit status: 1 where there is a problem
    """
    settings = ServeSettings(**{name: value.value for name, value in found.values.items()})
    if not is_quiet:
        for row in _rows(found, settings):
            print(row)
    problems = [*found.errors, *_problems(settings)]
    for problem in problems:
        print(f"trio-chat: {problem}", file=sys.stderr)
    for warning in filter(None, _warnings(settings)):
        print(f"trio-chat: {warning}", file=sys.stderr)
    return int(bool(problems))


def _warnings(settings: ServeSettings) -> Iterator[str]:
    """Yield the warnings with which a server would start nonetheless; some may be empty."""
    yield from _certificate_warnings(settings)
    yield _keep_warning(settings)
    with suppress(SetupError):  # this is reported as a problem
        yield from read_names_file(settings.names_file).warnings
    yield from warnings_about(settings.stickers)


def _certificate_warnings(settings: ServeSettings) -> Iterator[str]:
    """Yield warnings about the dates of certificates."""
    readers = (partial(_read_tls, settings), partial(read_proxy_certificate, settings.proxy_cert))
    for read in readers:
        with suppress(SetupError):  # this is reported as a problem
            certificate = read()
            if certificate and (found := certificate.validity_warning(time.time())):
                yield found[1]


def _keep_warning(settings: ServeSettings) -> str:
    """Return a warning about a journal that needs a bound and has none, if it is so."""
    with suppress(JournalError):  # this is reported as a problem
        return "" if settings.keep else warning_without_keep(settings.journal)
    return ""


def _rows(found: CollectedSettings, settings: ServeSettings) -> Iterator[str]:
    """Format the settings, a line each, much as in a TOML file."""
    for setting in settings_of(ServeSettings):
        value = setting.show(getattr(settings, setting.name))
        yield f"{setting.key} = {value}  ({found.sources.get(setting.name, DEFAULT_SOURCE)})"


def _problems(settings: ServeSettings) -> Iterator[str]:
    """Yield the problems that would keep a server from starting, except for ports in use."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: read_password(settings.password_file),
        lambda: _read_tls(settings),
        lambda: read_proxy_certificate(settings.proxy_cert),
        lambda: read_names_file(settings.names_file),
        lambda: check_journal(settings.journal, data=settings.data, durability=Durability(settings.journal_durability)),
        lambda: trio.run(_check_ports, settings),
    )
    for check_one in checks:
        try:
            check_one()
        except (SetupError, JournalError) as problem:
            yield str(problem)


def _read_tls(settings: ServeSettings) -> Tls | None:
    """Read the certificate; None too for the server's own that would be made at the start. Raises SetupError."""
    if needs_own_certificate(settings) and not settings.tls_key and not own_certificate(settings.data).exists():
        return None
    return read_tls(settings)


async def _check_ports(settings: ServeSettings) -> None:
    """Listen on the same addresses for a moment, on free ports."""
    on_free_ports = msgspec.structs.replace(settings, port=0, admin_port=0)
    async with open_ports(on_free_ports, Inherited()) as (_chat, admin_listeners):
        Admin(SettingsInForce(settings), _token(settings), admin_listeners)


def _token(settings: ServeSettings) -> AdminToken:
    """Read the token as a server does, or return a stand-in for one that would be created at the start."""
    file = settings.admin_token_file
    if file and not settings.admin_token and not file.exists():
        return AdminToken("created at the start", None)
    return read_admin_token(settings)
