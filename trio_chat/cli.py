"""The command line: builds settings from flags, environment and file, then imports and runs a subcommand."""

import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from trio_chat import __version__
from trio_chat.closed_output import CLOSED_OUTPUT_STATUS, FullOutputError, closed_output_raised, drop_output
from trio_chat.config import (
    ConfigError,
    JoinSettings,
    ServeSettings,
    collect,
    load,
    unknown_variable_warnings,
)
from trio_chat.config.click_options import SectionedCommand, SettingsCommand, config_option, deferred_options
from trio_chat.config.client_file import ClientFile, read_client_file
from trio_chat.config.host_argument import HostArgument, address_of, read_host_argument
from trio_chat.config.loading import SettingsTable
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.journal.engines import forms_help
from trio_chat.operate.command_table import OPERATOR_COMMANDS, load_command
from trio_chat.operate.errors import OperatorError

USAGE_STATUS = 2
INTERRUPTED_STATUS = 130

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

PROGRAM = "trio-chat"
COMPLETION_VARIABLE = "_TRIO_CHAT_COMPLETE"
"""The variable by which the script of a shell asks for completion; Click's name for it."""

_Settings = TypeVar("_Settings", bound=Struct)


def main() -> None:
    """Run the command line and exit. A user's mistake is one line on stderr."""
    _reserve_standard_fds()
    status = run(sys.argv[1:])
    if status == CLOSED_OUTPUT_STATUS:
        drop_output()
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run the command line. -> exit status"""
    try:
        status = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except (ConfigError, click.ClickException) as error:
        print(f"trio-chat: {_explain(error)}", file=sys.stderr)
        return error.status if isinstance(error, OperatorError) else USAGE_STATUS
    except click.Abort:
        return INTERRUPTED_STATUS
    except FullOutputError as error:
        drop_output()
        print(f"trio-chat: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if not any(map(_is_out_of_memory, leaf_exceptions(error))):
            raise
        print("trio-chat: there is too little memory, or too low a limit of it or of processes", file=sys.stderr)
        return 1
    return int(status or 0)


def _is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the machine gives no more memory, or no thread, which a limit of memory keeps from starting."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "start new thread" in str(error))


def _reserve_standard_fds() -> None:
    """Open /dev/null for a closed stdin, stdout or stderr, or the next file or socket would get its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def _explain(error: Exception) -> str:
    if not isinstance(error, click.UsageError):
        return str(error)
    command = error.ctx.command_path if error.ctx else "trio-chat"
    message = error.format_message().rstrip(".")
    return f"{message} See {command} --help" if message.endswith("?") else f"{message}; see {command} --help"


class ServeCommand(SectionedCommand):
    """A command that takes the settings of a server."""

    settings = ServeSettings


HELP_SECTIONS = {
    "Chat": ("join", "serve"),
    "For the machine of a server": ("check-config", "health", "history", "selftest"),
    "For operators of a running server": tuple(OPERATOR_COMMANDS),
    "Help": ("help", "completion"),
}
"""The commands, as `trio-chat --help` groups them."""


class SectionedGroup(click.Group):
    """The group of all commands. Those for operators are imported when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the help."""
        return [name for names in HELP_SECTIONS.values() for name in names]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of a name."""
        return load_command(name) if name in OPERATOR_COMMANDS else super().get_command(context, name)

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Read the command line, and print the help or the version that it asks for. Raises ClosedOutputError."""
        with closed_output_raised():
            return super().make_context(*arguments, **extra)

    def invoke(self, context: click.Context) -> Any:
        """Run a command, and write out what it printed. Raises ClosedOutputError where nobody reads that."""
        with closed_output_raised():
            status = super().invoke(context)
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()
            return status

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        for section, names in HELP_SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, self._line(context, name)) for name in names])

    def _line(self, context: click.Context, name: str) -> str:
        if name in OPERATOR_COMMANDS:
            return OPERATOR_COMMANDS[name].help
        command = self.get_command(context, name)
        return command.get_short_help_str(100) if command else ""


@click.group(cls=SectionedGroup, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="trio-chat", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """A chat server for terminals, and its client. `serve` starts a server; `join HOST` or `nc HOST 5555` joins one."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command("help", short_help="Show this, or the help of a command.")
@click.argument("command", nargs=-1)
@click.pass_context
def show_help(context: click.Context, command: tuple[str, ...]) -> None:
    """Show the help of trio-chat, or of a COMMAND."""
    found: click.Command = cli
    shown = context.find_root()
    for name in command:
        deeper = found.get_command(shown, name) if isinstance(found, click.Group) else None
        if deeper is None:
            raise click.UsageError(f"No such command {' '.join(command)!r}", context.find_root())
        found, shown = deeper, click.Context(deeper, info_name=name, parent=shown)
    click.echo(found.get_help(shown))


@cli.command(short_help="Print a script for completion in bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, ports, nicks and rooms with the Tab key.

    \b
    bash:  trio-chat completion bash > ~/.local/share/bash-completion/completions/trio-chat
    zsh:   trio-chat completion zsh > DIR/_trio-chat, where DIR is in $fpath and compinit runs
    fish:  trio-chat completion fish > ~/.config/fish/completions/trio-chat.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script
    made = script(cli, {}, PROGRAM, COMPLETION_VARIABLE)
    click.echo(made.source_template % made.source_vars())


def _exit(_number: int, _frame: object) -> None:
    """Exit on SIGTERM before the server has started: the first process of a container would ignore the signal.

    Nothing is open yet, and an exception could be raised anywhere.
    """
    os._exit(0)


def _load(
    struct: type[_Settings],
    flags: Mapping[str, object],
    *,
    file: Path | None = None,
    tables: Sequence[SettingsTable] = (),
) -> _Settings:
    """Load the settings; warn on stderr of unknown variables that look like one."""
    settings = load(struct, flags, os.environ, file=file, tables=tables)
    for warning in unknown_variable_warnings(os.environ):
        print(f"trio-chat: {warning}", file=sys.stderr)
    return settings


@cli.command(cls=ServeCommand)
@deferred_options(ServeSettings)
@config_option
def serve(config: Path | None, **flags: Any) -> int:
    """Start a server: chat on one port, the admin API on another.

    Each option can also be set by an environment variable, TRIO_CHAT_ADMIN_PORT=8081, or in the TOML file, admin-port =
    8081. An option overrides a variable, and a variable overrides the file.
    """
    signal.signal(signal.SIGTERM, _exit)
    found = collect(ServeSettings, flags, os.environ, file=config)
    found.build(ServeSettings)  # errors in settings are reported before anything else is imported
    from trio_chat.serve.app import serve as run_server

    return run_server(found, partial(collect, ServeSettings, flags, os.environ, file=config))


@cli.command(cls=ServeCommand, short_help="Check the settings of a server without starting it.")
@deferred_options(ServeSettings)
@config_option
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
def check_config(config: Path | None, quiet: bool, **flags: Any) -> int:
    """Check whether a server would start with these settings: exit status 0 if so, else 1.

    Takes the options of `serve`, prints every setting with its source, and each problem on a line of its own. Changes
    nothing.
    """
    found = collect(ServeSettings, flags, os.environ, file=config)
    found.errors += unknown_variable_warnings(os.environ)
    from trio_chat.serve.check_config import check

    return check(found, is_quiet=quiet)


@cli.command(cls=SettingsCommand)
@click.argument("host", required=False)
@click.argument("port", required=False)
@deferred_options(JoinSettings)
def join(host: str | None, port: str | None, **flags: Any) -> int:
    """Join the chat at HOST, on PORT or 5555.

    HOST:PORT and NICK@HOST work too, and so does the line of an invite, HOST:PORT/CODE/FINGERPRINT, or the name of a
    server that is saved in client.toml. Without HOST, it offers the servers of last time. Each option can also be set
    by an environment variable, such as TRIO_CHAT_NICK=alice. In a pipeline it sends the lines of its input and exits:
    echo hello | trio-chat join HOST
    """
    file = read_client_file()
    if host is None:
        if not (os.isatty(0) and os.isatty(1)):
            raise click.UsageError("Missing argument 'HOST'.", click.get_current_context())
        from trio_chat.client.server_choice import choose_server

        host = choose_server(file)
    argument = read_host_argument(host)
    if argument.nick and flags["nick"] not in (None, argument.nick):
        raise ConfigError(f"two nicks: {argument.nick}@ and --nick {flags['nick']}")
    given = flags | ({"nick": argument.nick} if argument.nick else {})
    settings = _load(JoinSettings, given, tables=file.tables_for(argument.server))
    address = address_of(argument.server, port, file)
    return _run_client(argument, port, address, settings, file)


def _run_client(
    argument: HostArgument, port: str | None, address: tuple[str, int], settings: JoinSettings, file: ClientFile
) -> int:
    """Join the server at an address, a host and a port, and remember it as HOST and PORT name it. -> exit status"""
    from trio_chat.client.startup_terminal import typing_hidden

    with typing_hidden():
        from trio_chat.client.join import join as run_client
        from trio_chat.client.options import address_from, identity_from, view_options_from

        server_address = address_from(*address, settings, argument.digest)
        options = view_options_from(settings, file)
        identity = identity_from(settings, argument.code)

        def remember(accepted: str) -> None:
            """Remember the server, and the name if it was chosen: with the server, or by `/nick`."""
            from trio_chat.client.server_choice import remember_server

            is_chosen = argument.nick or accepted not in (identity.nick, identity.default_nick)
            remember_server(argument.server, port, accepted if is_chosen else "")

        on_left = remember if options.remembers_rooms else lambda _nick: None
        return run_client(server_address, identity, options, is_once=settings.once, on_left=on_left)


@cli.command(cls=SettingsCommand, short_help="Check the health of the server on this machine.")
@deferred_options(
    ServeSettings,
    {
        "admin_host": "Address of the server's admin API.",
        "admin_port": "Port of the server's admin API.",
        "admin_token_file": "File with its token on the first line.",
        "admin_tls": "Connect over TLS, if the server has this option too.",
    },
)
@config_option
def health(config: Path | None, **flags: Any) -> int:
    """Check the health of the server on this machine: exit status 0 if healthy, else 1. For Docker and monitoring.

    Finds the admin API by the same options, variables (also TRIO_CHAT_ADMIN_TOKEN) and file as the server.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.operate.health_check import check_health
    from trio_chat.server.errors import SetupError
    from trio_chat.server.operation.secret_files import read_admin_token

    try:
        token = read_admin_token(settings).value
    except SetupError as error:
        raise ConfigError(str(error)) from error
    return check_health(settings.admin_host, settings.admin_port, token=token, is_encrypted=settings.admin_tls)


_HISTORY_OPTIONS = {
    "data": "The server's data folder.",
    "journal": f"Where its history is stored: {forms_help()}.",
}


@cli.group(invoke_without_command=True)
@click.pass_context
def history(context: click.Context) -> None:
    """Back up the history, or move it to another journal."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_ACCOUNTS_OPTION = click.option(
    "--accounts", is_flag=True, help="With the claimed names: their keys, password hashes, rooms and read marks."
)


@history.command("export", cls=SettingsCommand, short_help="Write the history to a file or stdout.")
@click.argument("file", default="-", metavar="[FILE]")
@_ACCOUNTS_OPTION
@deferred_options(ServeSettings, _HISTORY_OPTIONS)
@config_option
def export_history(file: str, accounts: bool, config: Path | None, **flags: Any) -> int:
    """Write the history to FILE or stdout, one JSON object per line and entry. The server may be running.

    Finds the journal by the same options, variables and file as the server.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.backup import transfer

    return transfer.export_history(settings, file, with_accounts=accounts)


@history.command("import", cls=SettingsCommand, short_help="Add the history in a file or on stdin to the journal.")
@click.argument("file", default="-", metavar="[FILE]")
@_ACCOUNTS_OPTION
@deferred_options(ServeSettings, _HISTORY_OPTIONS | {"data": "The server's data folder; created if it is missing."})
@config_option
def import_history(file: str, accounts: bool, config: Path | None, **flags: Any) -> int:
    """Add the entries in FILE or on stdin that the journal lacks: all of them, or none if a line is damaged.

    No server may be running on the journal. Importing a file again changes nothing.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.backup import transfer

    return transfer.import_history(settings, file, with_accounts=accounts)


@history.command("compact", cls=SettingsCommand, short_help="Free the disk space of removed entries.")
@deferred_options(ServeSettings, _HISTORY_OPTIONS)
@config_option
def compact_history(config: Path | None, **flags: Any) -> int:
    """Rebuild the journal without the space of entries that `--keep` removed.

    No server may be running on the journal. A server does this by itself, a little at a time; a large journal that an
    early version made needs this once. It takes free disk space of twice the size of what is kept.
    """
    settings = _load(ServeSettings, flags, file=config)
    from trio_chat.backup import transfer

    return transfer.compact_history(settings)


@cli.command(short_help="Test that trio-chat works on this machine.")
@click.option("--chaos", is_flag=True, help="Inject faults for a while, and check that nothing is lost.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 86400),
    metavar="N",
    default=20,
    show_default=True,
    help="How long to inject faults, with --chaos.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Seed of the faults, to repeat a run with --chaos.  [default: random]",
)
@click.option(
    "--journal", metavar="URL", help="Test three servers on the Redis of this URL, such as redis://HOST:6379/0."
)
def selftest(*, chaos: bool, seconds: float, seed: int | None, journal: str | None) -> int:
    """Test that trio-chat works on this machine, with a server and clients of its own, in a temporary folder.

    With --chaos, the server is killed and restarted again and again while clients talk, tell, move between rooms, take
    other names and leave, through a proxy that cuts, delays, half-closes, truncates and stalls their connections; the
    journal is locked and pruned. Afterwards every client must have been shown every entry in the history, once and in
    the same order, or been told that it is gone; and the notices must say who is here. Exit status 0 if so, else 1.

    With --journal redis://HOST:PORT/DATABASE, three servers on that Redis are killed, stopped and paused instead, in a
    chat of its own, which is removed afterwards. Redis may lose entries meanwhile, as at a failover to a replica that
    lacks some: where clients are told so, and its settings promise no more, the exit status is 3, and the figures are
    printed with what prevents it. Any other loss is a broken promise, and the exit status 1.
    """
    from trio_chat.selftest import command

    if journal:
        return command.run_nodes(journal, seconds=seconds, seed=random.randrange(10**6) if seed is None else seed)
    if not chaos:
        return command.check_installation()
    return command.run_chaos(seconds=seconds, seed=random.randrange(10**6) if seed is None else seed)
