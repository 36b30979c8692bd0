"""The tables of the documentation, made from the code: `make docs` writes them anew, and a test compares them.

A page has its tables between `<!-- made by make docs: NAME -->` and `<!-- end -->`, where NAME is one of TABLES.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from admin_api.app import ENDPOINTS
from admin_api.http.reference import reference
from scripts.house import folder_table
from trio_chat.chat.command_table import Command
from trio_chat.chat.commands import COMMANDS as CHAT_COMMANDS
from trio_chat.chat.commands import REQUEST_PRICES
from trio_chat.client.screen_view.key_list import KEYS
from trio_chat.client.transcript.input import CLIENT_COMMANDS
from trio_chat.config import JoinSettings, ServeSettings, Setting, settings_of
from trio_chat.operate.command_table import OPERATOR_COMMANDS
from trio_chat.server.operation.console import COMMANDS as CONSOLE_COMMANDS
from trio_chat.wire.frame_schema import schema_text

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

EXAMPLE = ROOT / "docs/example_client.py"

_MARKED = re.compile(r"(<!-- made by make docs: ([a-z ]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def _rows(head: str, rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"| `{name}` | {text} |\n" for name, text in rows)
    return f"| {head} | what it does |\n|---|---|\n{body}"


def _commands(table: Mapping[str, Command[Any]]) -> str:
    return _rows("command", ((command.title, command.help) for command in table.values()))


def _console_commands() -> str:
    commands = [(it.usage, it.help) for it in CONSOLE_COMMANDS.values()]
    return _rows("command", [*commands, ("quit()", "stop the server; so do Ctrl-C and SIGTERM")])


def _operator_commands() -> str:
    return _rows("command", ((f"trio-chat {name}", row.help) for name, row in OPERATOR_COMMANDS.items()))


def _prices() -> str:
    requests: dict[str, list[str]] = {}
    for request, price in REQUEST_PRICES.items():
        requests.setdefault(price.words, []).append(f"`{request}`")
    rows = "".join(f"| {', '.join(sorted(types))} | {words} |\n" for words, types in sorted(requests.items()))
    return f"| request | counts for |\n|---|---|\n{rows}"


def _example_client() -> str:
    source = EXAMPLE.read_text(encoding="utf-8")
    return f"```python\n{source[source.index('import json') :]}```\n"


def _client_keys() -> str:
    rows = [f"| {keys} | {effect} |\n" for keys, effect in KEYS if effect]
    return "".join(["| key | effect |\n|---|---|\n", *rows])


def settings_table(struct: type[Struct]) -> str:
    """Format the settings of a class as a table."""
    rows = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| {_flags_of(setting)} | `{setting.variable}` | {setting.default} | {setting.help} |"
        for setting in settings_of(struct)
    ]
    return "\n".join(rows) + "\n"


def _flags_of(setting: Setting) -> str:
    if setting.type.is_secret:
        return "none"
    if setting.type.is_boolean:
        return f"`{setting.flag}`, `--no-{setting.key}`"
    return ", ".join(f"`{flag} {setting.type.metavar}`" for flag in setting.flags)


def _live_settings() -> str:
    """List the settings of a server that a reload applies."""
    return ", ".join(f"`{setting.key}`" for setting in settings_of(ServeSettings) if setting.is_live) + ".\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "chat commands": lambda: _commands(CHAT_COMMANDS),
    "client commands": lambda: _commands(CLIENT_COMMANDS),
    "client keys": _client_keys,
    "console commands": _console_commands,
    "example client": _example_client,
    "folders": folder_table,
    "live settings": _live_settings,
    "operator commands": _operator_commands,
    "prices": _prices,
    "settings of join": lambda: settings_table(JoinSettings),
    "settings of serve": lambda: settings_table(ServeSettings),
}


def names_in(page: str) -> list[str]:
    """List the tables that a page has."""
    return [name for _, name, _ in _MARKED.findall(page)]


def renewed(page: str) -> str:
    """Return the text of a page with each of its tables as the code has it now."""
    # Blank lines around: without them Markdown takes a table for a part of the comment.
    return _MARKED.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", page)


def main() -> None:
    """Write all tables, and the two files that are made from the code as a whole."""
    for page in PAGES:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs/endpoints.md").write_text(reference(ENDPOINTS), encoding="utf-8")
    (ROOT / "docs/protocol.schema.json").write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
