"""The command line: flags, environment and file become settings; what comes back becomes an exit status."""

import os
import random
import re
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from trio_chat import __version__
from trio_chat.config import (
    CONFIG_VARIABLE,
    ConfigError,
    JoinSettings,
    ServeSettings,
    Setting,
    ignored_variables,
    load,
    settings_of,
    survey,
)
from trio_chat.config.kinds import whole
from trio_chat.journal.engines import forms_help

USAGE_STATUS = 2
INTERRUPTED_STATUS = 130

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

CHAT_PORT = 5555
_HOST_AND_PORT = re.compile(r"(?P<host>[^:]+|\[.*\]):(?P<port>[^:\]]*)")

_Command = TypeVar("_Command", bound=Callable[..., object])
_Settings = TypeVar("_Settings", bound=Struct)


def main() -> None:
    """Run the command line and exit. A user's mistake is one line on stderr."""
    _reserve_standard_fds()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line. -> exit status"""
    try:
        status = cli.main(arguments, prog_name="trio-chat", standalone_mode=False)
    except (ConfigError, click.ClickException) as error:
        print(f"trio-chat: {_explain(error)}", file=sys.stderr)
        return USAGE_STATUS
    except click.Abort:
        return INTERRUPTED_STATUS
    return int(status or 0)


def _reserve_standard_fds() -> None:
    """Fill a closed stdin, stdout or stderr with /dev/null, or the next file or socket would take its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def _explain(error: Exception) -> str:
    if not isinstance(error, click.UsageError):
        return str(error)
    command = error.ctx.command_path if error.ctx else "trio-chat"
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _options(struct: type[Struct], some: Mapping[str, str] | None = None) -> Callable[[_Command], _Command]:
    """Give a command the flags of a settings class; or `some`, each with what it means to this command."""

    def decorate(command: _Command) -> _Command:
        for setting in reversed(list(settings_of(struct))):
            if setting.flag and (some is None or setting.name in some):
                command = _option(setting, some[setting.name] if some else setting.help)(command)
        return command

    return decorate


def _option(setting: Setting, meaning: str) -> Callable[[_Command], _Command]:
    text = f"{meaning.replace('`', '')}  [default: {setting.default}]"
    if setting.kind.is_switch:
        return click.option(f"{setting.flag}/--no-{setting.key}", setting.name, default=None, help=text)
    return click.option(
        setting.flag, setting.name, metavar=setting.kind.metavar, multiple=setting.kind.is_list, help=text
    )


@click.group(context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="trio-chat", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """A chat for terminals. `serve` starts a server, `join` enters one; plain `nc HOST 5555` will do as well."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _leave(_number: int, _frame: object) -> None:
    """Stop a server that has not started yet: the first process of a container would just ignore the signal.

    Nothing is open yet, and an exception might be raised anywhere.
    """
    os._exit(0)


def _load(struct: type[_Settings], flags: Mapping[str, object], *, file: Path | None = None) -> _Settings:
    """Bring the settings together. What looks like one and is none is a line on stderr."""
    settings = load(struct, flags, os.environ, file=file)
    for fault in ignored_variables(os.environ):
        print(f"trio-chat: {fault}", file=sys.stderr)
    return settings


_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar=CONFIG_VARIABLE,
    help="TOML file with any of the settings.",
)


@cli.command()
@_options(ServeSettings)
@_config_option
def serve(config: Path | None, **flags: Any) -> int:
    """Start a server: chat on one port, the admin API on another.

    Each option can also be a variable, TRIO_CHAT_ADMIN_PORT=8081, or a line of the TOML file, admin-port = 8081. An
    option goes over a variable, and a variable over the file.
    """
    signal.signal(signal.SIGTERM, _leave)
    read = partial(load, ServeSettings, flags, os.environ, file=config)
    settings = read()
    from trio_chat.serve import app  # `join` must not pay for it

    return app.serve(settings, read)


@cli.command(short_help="Look whether a server would start with these settings and heed them all.")
@_options(ServeSettings)
@_config_option
@click.option("--quiet", "-q", is_flag=True, help="Only say what is wrong.")
def check_config(config: Path | None, quiet: bool, **flags: Any) -> int:
    """Look whether a server would start with these settings and heed them all: status 0 if so.

    It takes what `serve` takes, shows every setting and where it came from, and says all that is wrong, a line each. It
    changes nothing.
    """
    found = survey(ServeSettings, flags, os.environ, file=config)
    found.faults += ignored_variables(os.environ)
    from trio_chat.serve.check_config import check  # nobody else has to pay for it

    return check(found, is_quiet=quiet)


@cli.command()
@click.argument("host")
@click.argument("port", required=False)
@_options(JoinSettings)
def join(host: str, port: str | None, **flags: Any) -> int:
    """Enter the chat at HOST, PORT 5555 unless told otherwise.

    HOST:PORT will do as well. Each option can also be a variable, such as TRIO_CHAT_NICK=alice. On a pipe it says what
    comes in and ends: echo hello | trio-chat join HOST
    """
    settings = _load(JoinSettings, flags)
    host, number = _address(host, port)
    from trio_chat.client.line_view import app  # `serve` must not pay for it
    from trio_chat.client.options import address_from, identity_from, view_options_from

    place = address_from(host, number, settings)
    visitor, wishes = identity_from(settings), view_options_from(settings)
    return app.join(place, visitor, wishes, stickers=settings.stickers, is_once=settings.once)


def _address(host: str, port: str | None) -> tuple[str, int]:
    """Read where to go. Without a port of its own the host may have one behind it; an IPv6 address then in brackets."""
    if port is None and (written := _HOST_AND_PORT.fullmatch(host)):
        host, port = written["host"], written["port"]
    try:
        return host, whole(1, 65535).read(CHAT_PORT if port is None else port, typed=False)
    except ValueError as error:
        raise ConfigError(f"PORT: {error}") from error


@cli.command(short_help="Ask the server on this machine how it does.")
@_options(
    ServeSettings,
    {
        "admin_host": "Address where the server's admin API listens.",
        "admin_port": "Port where it listens.",
        "admin_token_file": "File with its token on the first line.",
        "admin_tls": "Ask over TLS, as the server was told to answer.",
    },
)
@_config_option
def health(config: Path | None, **flags: Any) -> int:
    """Ask the server on this machine how it does: status 0 if all is well, else 1. For Docker and monitoring.

    It finds the admin API by the same options, variables and file as the server, TRIO_CHAT_ADMIN_TOKEN among them.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.serve.health_check import ask_health  # nobody else has to pay for these
    from trio_chat.server.errors import SetupError
    from trio_chat.server.operation.secret_files import read_admin_token

    try:
        token = read_admin_token(settings).value
    except SetupError as error:
        raise ConfigError(str(error)) from error
    return ask_health(settings.admin_host, settings.admin_port, token=token, is_encrypted=settings.admin_tls)


_HISTORY_OPTIONS = {
    "data": "Folder of what the server keeps.",
    "journal": f"Where it keeps entries: {forms_help()}.",
}


@cli.group()
def history() -> None:
    """Back up what was said, or move it to another journal."""


@history.command("export", short_help="Write the history to a file, or to stdout.")
@click.argument("file", default="-", metavar="[FILE]")
@_options(ServeSettings, _HISTORY_OPTIONS)
@_config_option
def export_history(file: str, config: Path | None, **flags: Any) -> int:
    """Write the history to FILE, or to stdout, one line of JSON an entry. A server may run meanwhile.

    It finds the journal by the same options, variables and file as the server.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.backup import transfer  # nobody else has to pay for it

    return transfer.export_history(settings, file)


@history.command("import", short_help="Take in the history of a file, or of stdin.")
@click.argument("file", default="-", metavar="[FILE]")
@_options(ServeSettings, _HISTORY_OPTIONS | {"data": "Folder of what the server keeps; made if need be."})
@_config_option
def import_history(file: str, config: Path | None, **flags: Any) -> int:
    """Keep what FILE, or stdin, has that the journal has not: all of it, or nothing if a line is damaged.

    No server may have the journal. Importing the same again does no harm.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.backup import transfer  # nobody else has to pay for it

    return transfer.import_history(settings, file)


@cli.command(short_help="See whether trio-chat works on this machine.")
@click.option("--chaos", is_flag=True, help="Break everything again and again, and see that nothing is lost.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 86400),
    metavar="N",
    default=20,
    show_default=True,
    help="How long, with --chaos.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="To do the same as another run with --chaos.  [default: by chance]",
)
def selftest(*, chaos: bool, seconds: float, seed: int | None) -> int:
    """See whether trio-chat works on this machine: a server and clients of its own, on data that is thrown away.

    With --chaos the server is killed and started again while six clients talk through a network that cuts, delays,
    halves, tears and stalls connections. Then everyone must have been shown all that was kept, once and in one order.
    Status 0 if all is well, else 1.
    """
    from trio_chat.selftest import command  # nobody else has to pay for it

    if not chaos:
        return command.check_installation()
    return command.run_chaos(seconds=seconds, seed=random.randrange(10**6) if seed is None else seed)
