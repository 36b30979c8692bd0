"""The command line: flags, environment and file become settings; what comes back becomes an exit status."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trio_chat import __version__
from trio_chat.config import ConfigError, ServeSettings, Setting, load_settings, settings_of

PATH = click.Path(path_type=Path)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="trio-chat", message="%(prog)s %(version)s")
def main() -> None:
    """A chat for terminals: `serve` starts a server, `join` enters one. Plain `nc HOST 5555` works as well."""


def _option(setting: Setting) -> Callable[[Any], Any]:
    names = f"{setting.flag}/--no-{setting.flag[2:]}" if setting.is_switch else setting.flag
    help_text = f"{setting.help}  [{setting.variable}; default: {setting.default or 'none'}]"
    if setting.is_switch:
        return click.option(names, setting.name, default=None, help=help_text)
    return click.option(names, setting.name, multiple=setting.is_list, metavar="VALUE", help=help_text)


def _serve_options(command: Callable[..., None]) -> Callable[..., None]:
    for setting in reversed(list(settings_of(ServeSettings))):
        command = _option(setting)(command)
    return command


@main.command()
@_serve_options
@click.option("--config", type=PATH, envvar="TRIO_CHAT_CONFIG", help="TOML file with settings.  [TRIO_CHAT_CONFIG]")
def serve(config: Path | None, **flags: Any) -> None:
    """Start a server: chat on one port, the admin API on another.

    Every flag can be an environment variable or a key of the TOML file too.
    """
    from trio_chat import app  # `join` must not pay for it

    given = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        settings = load_settings(given, file=config)
    except ConfigError as error:
        print(f"trio-chat: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(app.serve(settings))


@main.command()
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535), default=5555)
@click.option("--nick", metavar="NAME", help="The name that others see.")
@click.option("--stickers", type=PATH, metavar="FILE", help="More stickers than the built-in ones, as TOML.")
def join(host: str, port: int, nick: str | None, stickers: Path | None) -> None:
    """Join the chat at HOST. On a pipe, say what comes in: `echo hello | trio-chat join HOST`."""
    from trio_chat.client import lines_view  # `serve` must not pay for it

    sys.exit(lines_view.join(host, port, nick=nick, stickers=stickers))
