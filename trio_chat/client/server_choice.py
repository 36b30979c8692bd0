"""The choice of a server, for a `join` that names none: the saved ones, and those of last time."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from trio_chat.chat.text import clean
from trio_chat.client.memory.recent_servers import RecentServer, RecentServers
from trio_chat.config import ConfigError
from trio_chat.config.client_file import ClientFile

OFFERED_MAX = 20


def choose_server(file: ClientFile) -> str:
    """Let the person at the terminal choose a server. -> what they could have typed as the host. Raises click.Abort"""
    offered = _offered(file)
    for number, name in enumerate(offered, 1):
        print(f"  {number:>2}  {clean(name)}", file=sys.stderr)
    question = "a number, HOST, HOST:PORT or an invite" if offered else "Which server? HOST, HOST:PORT or an invite"
    first = offered[0] if offered else ""
    try:
        while not (answer := click.prompt(question, default=first, err=True, show_default=bool(first)).strip()):
            pass
    except click.Abort:
        print(file=sys.stderr)
        raise
    if answer.isascii() and answer.isdigit() and 0 < int(answer[:3]) <= len(offered):
        return offered[int(answer[:3]) - 1]
    return str(answer)


def _offered(file: ClientFile) -> Sequence[str]:
    """Return what can be chosen: the servers of last time first."""
    recent: tuple[RecentServer, ...] = ()
    with suppress(OSError, ConfigError):  # then there is nothing to offer, and the person can type it
        recent = RecentServers().read()
    return list(dict.fromkeys((*(server.title for server in recent), *file.servers)))[:OFFERED_MAX]


def remember_server(host: str, port: str | None, nick: str) -> None:
    """Remember a server as it was named on the command line. Where that cannot be written, it is not offered."""
    with suppress(OSError, ConfigError):
        RecentServers().add(RecentServer(host, port or "", nick))
