from pathlib import Path

import pytest

from trio_chat.chat.commands import COMMANDS as CHAT_COMMANDS
from trio_chat.config import JoinSettings, ServeSettings, live_list, settings_table
from trio_chat.server.operation.console import COMMANDS as CONSOLE_COMMANDS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def rows(commands: list[tuple[str, str]]) -> str:
    """The rows of a Markdown table of commands."""
    return "".join(f"| `{usage}` | {text} |\n" for usage, text in commands)


@pytest.mark.parametrize("settings", [ServeSettings, JoinSettings])
def test_the_readme_has_every_setting_as_it_is_declared(settings: type[ServeSettings | JoinSettings]) -> None:
    assert settings_table(settings) in README


def test_the_readme_has_every_setting_that_a_reload_takes_up() -> None:
    assert live_list(ServeSettings) in " ".join(README.split())


def test_the_readme_has_every_command_of_the_chat() -> None:
    commands = [(f"/{command.name} {command.usage}".rstrip(), command.help) for command in CHAT_COMMANDS.values()]

    assert rows(commands) in README


def test_the_readme_has_every_command_of_the_console() -> None:
    assert rows([(command.usage, command.help) for command in CONSOLE_COMMANDS.values()]) in README
