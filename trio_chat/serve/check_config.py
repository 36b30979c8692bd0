"""`trio-chat check-config`: would a server start with these settings, and heed all? It changes nothing."""

import sys
from collections.abc import Callable, Iterator

import msgspec
import trio

from trio_chat.config import ServeSettings, Survey, settings_of
from trio_chat.journal import JournalError, check_journal
from trio_chat.serve.admin import Admin
from trio_chat.serve.ports import open_ports
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.secret_files import AdminToken, read_admin_token, read_password, read_tls
from trio_chat.server.operation.systemd import Inherited


def check(found: Survey, *, is_quiet: bool) -> int:
    """Print the settings and where they come from, unless `is_quiet`; then all that is wrong, a line each, on stderr.

    -> exit status
    """
    settings = ServeSettings(**{name: given.value for name, given in found.given.items()})
    if not is_quiet:
        for row in _rows(found, settings):
            print(row)
    problems = [*found.faults, *_problems(settings)]
    for problem in problems:
        print(f"trio-chat: {problem}", file=sys.stderr)
    return int(bool(problems))


def _rows(found: Survey, settings: ServeSettings) -> Iterator[str]:
    """One line a setting, as the TOML file has it, but for people."""
    for setting in settings_of(ServeSettings):
        given = found.given.get(setting.name)
        value = setting.show(getattr(settings, setting.name))
        yield f"{setting.key} = {value}  ({given.place if given else 'default'})"


def _problems(settings: ServeSettings) -> Iterator[str]:
    """What would keep a server with these settings from starting, except that its ports are taken."""
    tries: tuple[Callable[[], object], ...] = (
        lambda: read_password(settings.password_file),
        lambda: read_tls(settings),
        lambda: check_journal(settings.journal, data=settings.data),
        lambda: trio.run(_try_ports, settings),
    )
    for attempt in tries:
        try:
            attempt()
        except (SetupError, JournalError) as problem:
            yield str(problem)


async def _try_ports(settings: ServeSettings) -> None:
    """Listen for a moment at the same addresses, at ports that nobody knows."""
    anywhere = msgspec.structs.replace(settings, port=0, admin_port=0)
    async with open_ports(anywhere, Inherited()) as (_chat, admin_listeners):
        Admin(settings, _token(settings), admin_listeners)


def _token(settings: ServeSettings) -> AdminToken:
    """Find the token as a server does, but make none: anything does in its place."""
    file = settings.admin_token_file
    if file and not settings.admin_token and not file.exists():
        return AdminToken("it is made at the start", None)
    return read_admin_token(settings)
