"""The file of a person's own settings of `trio-chat join`: options, saved servers, and themes.

nick = "alice"               # options of join, each as it is in the help

[servers.work]               # options for `trio-chat join work`, and where that is
host = "chat.example.org"
port = 5555

[themes.mine]                # colours by the parts of the screen that have them
name-1 = "bright-red bold"
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from trio_chat.config.folders import config_folder
from trio_chat.config.loading import ConfigError, SettingsTable, read_toml_text

FILE_NAME = "client.toml"
SERVERS_MAX, THEMES_MAX = 200, 50

_NAME = re.compile(r"[^\s@:/\[\]]{1,64}")
"""A name that cannot be taken for a host with a port, a nick or an invite."""

_HEADER = re.compile(r"\s*\[(?P<path>[^\[\]]++)\]")
_KEY = re.compile(r"\s*(?P<key>\"[^\"]*\"|'[^']*'|[\w-]++)(?P<rest>[\s.\w\"'-]*+)=")
"""Both take a long line in one pass: no part of it is tried twice."""

_Table = Mapping[str, Any]
_NOTHING: _Table = MappingProxyType({})


class ClientFile(Struct, frozen=True):
    """The contents of the file; empty where there is none."""

    file: Path
    text: str = ""
    options: _Table = _NOTHING
    """Values of the options of `join`, by their keys; not checked yet."""
    servers: Mapping[str, _Table] = MappingProxyType({})
    themes: Mapping[str, _Table] = MappingProxyType({})

    def where(self, *path: str) -> str:
        """Return the location of a key, for an error: file, line and key. `path` has its tables, and the key last."""
        line = _line_of(self.text, path)
        return f"{self.file}{f', line {line}' if line else ''}: {path[-1]}"

    def tables_for(self, server: str) -> list[SettingsTable]:
        """Return the options that apply to a server, saved or not; later tables override earlier ones."""
        tables = [SettingsTable(self.options, lambda key: self.where(key))]
        if saved := self.servers.get(server):
            options = {key: value for key, value in saved.items() if key not in ("host", "port")}
            tables.append(SettingsTable(options, lambda key: self.where("servers", server, key)))
        return tables

    def address_of(self, server: str) -> tuple[str, int | None]:
        """Return host and port of a saved server; None for the usual port. Raises ConfigError."""
        saved = self.servers[server]
        host, port = saved.get("host", server), saved.get("port")
        if not isinstance(host, str) or not host.strip():
            raise ConfigError(f"{self.where('servers', server, 'host')}: expected a host name or an address")
        if port is not None and not (type(port) is int and 0 < port < 65536):
            raise ConfigError(f"{self.where('servers', server, 'port')}: expected a number from 1 to 65535")
        return host, port


def read_client_file(folder: Path | None = None) -> ClientFile:
    """Read the file in a folder, by default the user's. Raises ConfigError."""
    try:
        file = (folder or config_folder()) / FILE_NAME
    except ConfigError:  # a user without a home has no such file
        return ClientFile(Path(FILE_NAME))
    try:
        text, table = read_toml_text(file)
    except FileNotFoundError:
        return ClientFile(file)
    found = ClientFile(file, text)
    servers = _tables(found, table.pop("servers", {}), "servers", SERVERS_MAX)
    themes = _tables(found, table.pop("themes", {}), "themes", THEMES_MAX)
    return ClientFile(file, text, {_key(key): value for key, value in table.items()}, servers, themes)


def _tables(found: ClientFile, value: object, kind: str, most: int) -> Mapping[str, _Table]:
    """Check a table of tables. Raises ConfigError."""
    if not isinstance(value, dict):
        raise ConfigError(f"{found.where(kind)}: expected tables such as [{kind}.name]")
    if len(value) > most:
        raise ConfigError(f"{found.file}: there are {len(value)} {kind}; at most {most} are read")
    for name, table in value.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{found.where(kind, name)}: expected a table, [{kind}.{name}]")
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{found.where(kind, name)}: a name has no blank and none of @ : / [ ], and is not empty")
    return {name: {_key(key): entry for key, entry in table.items()} for name, table in value.items()}


def unknown_key(where: str, key: str, known: list[str]) -> ConfigError:
    """Return the error for an unknown key, with the most similar known one."""
    near = get_close_matches(key, known, n=1)
    return ConfigError(f"{where}: there is no such key; {f'did you mean {near[0]}?' if near else _one_of(known)}")


def _one_of(known: list[str]) -> str:
    return f"expected one of {', '.join(known)}"


def _key(written: str) -> str:
    return written.replace("_", "-")  # people write both


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the number of the line with a key, or with the header of its table; 0 where there is neither."""
    table: tuple[str, ...] = ()
    header_at = 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = tuple(_bare(part) for part in header["path"].split("."))
            if table == path[: len(table)] and len(table) >= len(path) - 1:
                header_at = header_at or number
            if table == path:
                return number
        elif (found := _KEY.match(line)) and (*table, *_parts(found)) == path:
            return number
    return header_at


def _parts(found: re.Match[str]) -> list[str]:
    return [_bare(part) for part in f"{found['key']}{found['rest']}".split(".")]


def _bare(part: str) -> str:
    return _key(part.strip().strip("\"'"))
