"""The options that all commands for operators share, and the context that is made of them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import click

from trio_chat.config import CONFIG_VARIABLE, OperatorSettings, collect, unknown_variable_warnings
from trio_chat.config.click_options import config_option, setting_options
from trio_chat.operate.api import ANSWER_TIMEOUT_S, AdminApi
from trio_chat.operate.location import ServerFinder
from trio_chat.operate.output import Output, note

SERVER_OPTIONS = {
    "admin": "URL of the admin API, or HOST:PORT.",
    "admin_token_file": "File with the admin API's token on its first line.",
    "admin_ca": "PEM file with the only certificate authority to trust for the admin API.",
    "data": "Data folder of a server on this machine.",
}

Flags = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OperatorContext:
    """The server that a command is about, and its output."""

    api: AdminApi
    output: Output

    @property
    def is_json(self) -> bool:
        """True if JSON is wanted."""
        return self.output.is_json


class OperatorCommand(click.Command):
    """A command whose help has the options that all share at the end."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its own options, and then those that say which server is meant."""
        shared = {*SERVER_OPTIONS, "config"}
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Which server": []}
        options = [it for it in self.get_params(context) if isinstance(it, click.Option)]
        for parameter in sorted(options, key=lambda it: (it.name == "help", it.name == "is_json")):
            if record := parameter.get_help_record(context):
                sections["Which server" if parameter.name in shared else "Options"].append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def operator_command(name: str, **attributes: Any) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command of a function, which gets an OperatorContext and the values of its own options."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        def run(config: Path | None, is_json: bool, **values: Any) -> int | None:
            flags = {setting: values.pop(setting) for setting in SERVER_OPTIONS}
            for warning in unknown_variable_warnings(os.environ):
                note(f"trio-chat: {warning}")
            api = AdminApi(finder_of(flags, config).find)
            return function(OperatorContext(api, Output(is_json=is_json)), **values)

        update_wrapper(run, function)
        command = click.option("--json", "is_json", is_flag=True, help="Print the API's answer as JSON.")(run)
        command = setting_options(OperatorSettings, SERVER_OPTIONS)(config_option(command))
        return click.command(name, cls=OperatorCommand, **attributes)(command)

    return decorate


def finder_of(flags: Flags, config: Path | None) -> ServerFinder:
    """Make a finder of the server that flags, variables and file mean."""
    return ServerFinder(partial(collect, OperatorSettings, flags, os.environ, file=config))


def api_for_completion(context: click.Context, timeout_s: float = ANSWER_TIMEOUT_S) -> AdminApi:
    """Make the API client for a command line that is still being typed. It warns of nothing."""
    given = context.params
    config = given.get("config") or os.environ.get(CONFIG_VARIABLE)
    flags = {setting: given.get(setting) for setting in SERVER_OPTIONS}
    return AdminApi(finder_of(flags, Path(config) if config else None).find, timeout_s)
