"""The table of commands for operators: each is loaded, shown in the help, tested and documented."""

import re
from pathlib import Path

import click
import pytest

from tests.operate.conftest import Operate
from trio_chat.operate.command_table import OPERATOR_COMMANDS, load_command
from trio_chat.operate.options import SERVER_OPTIONS

ROOT = Path(__file__).parents[2]

TESTS = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/operate").rglob("test_*.py"))


def leaves(name: str) -> list[tuple[str, click.Command]]:
    """A command, or the commands of a group."""
    command = load_command(name)
    if isinstance(command, click.Group):
        return [(f"{name} {inner}", it) for inner, it in command.commands.items()]
    return [(name, command)]


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_every_command_takes_a_server_and_prints_json(name: str) -> None:
    for _, command in leaves(name):
        names = {parameter.name for parameter in command.params}

        assert {*SERVER_OPTIONS, "config", "is_json"} <= names


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_every_command_is_run_by_a_test(name: str) -> None:
    for typed, _ in leaves(name):
        assert re.search(rf'(?:operate|trio_chat|following)\((?:tmp_path, )?"{typed}"', TESTS), f"no test runs {typed}"


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_every_command_has_help_with_its_own_options_first(name: str, trio_chat: Operate) -> None:
    for typed, _ in leaves(name):
        shown = trio_chat("help", *typed.split()).out

        assert shown.startswith(f"Usage: trio-chat {typed} ")
        assert -1 < shown.index("\nOptions:\n") < shown.index("\nWhich server:\n")


def test_the_help_has_every_command_under_a_heading(trio_chat: Operate) -> None:
    shown = trio_chat("--help").out

    for name, row in OPERATOR_COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(row.help)}$", shown, re.MULTILINE)
    assert shown.index("  serve") < shown.index("For operators of a running server:") < shown.index("  kick")
