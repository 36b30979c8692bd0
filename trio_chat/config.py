"""Settings: each is declared once, and its flag, environment variable, TOML key and documentation follow from that.

A flag goes over a variable, a variable over the file, the file over the default.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from platformdirs import user_data_path

PREFIX = "TRIO_CHAT_"

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]


class ConfigError(Exception):
    """A setting cannot be used; the text says which, from where, and what was expected."""


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `trio-chat serve` can be told."""

    host: Annotated[str, Meta(description="Address to accept chat on; empty is all, IPv4 and IPv6.")] = ""
    port: Annotated[Port, Meta(description="Port of the chat; 0 takes a free one.")] = 5555
    admin_host: Annotated[str, Meta(description="Address of the admin API.")] = "127.0.0.1"
    admin_port: Annotated[Port, Meta(description="Port of the admin API; 0 takes a free one.")] = 8080
    data: Annotated[
        Path, Meta(description="Folder for what is kept.", extra_json_schema={"default": "the user's data folder"})
    ] = msgspec.field(default_factory=lambda: user_data_path("trio-chat", appauthor=False))
    journal: Annotated[
        str, Meta(description="Where entries are kept: sqlite:, sqlite:PATH, or memory: to keep nothing.")
    ] = "sqlite:"
    console: Annotated[bool, Meta(description="Obey commands typed to the server.")] = True
    window_entries: Annotated[
        int, Meta(ge=1, description="Newest entries of a room that are kept in memory for slow readers.")
    ] = 65536
    window_bytes: Annotated[int, Meta(ge=65536, description="The most bytes that those take.")] = 16 * 1024 * 1024
    stall_timeout: Annotated[Seconds, Meta(description="Seconds in which a reader may take nothing.")] = 30.0


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration, in all the forms that follow from it."""

    name: str
    help: str
    default: str
    is_switch: bool
    is_list: bool

    @property
    def flag(self) -> str:
        """What it is called on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """What it is called in the environment."""
        return f"{PREFIX}{self.name.upper()}"


def settings_of(struct: type[msgspec.Struct]) -> Iterator[Setting]:
    """Yield what a settings class declares, in its order."""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        metas = [meta for meta in hints[field.name].__metadata__ if isinstance(meta, Meta)]
        words = next(meta.description for meta in metas if meta.description)
        shown = next((meta.extra_json_schema["default"] for meta in metas if meta.extra_json_schema), None)
        kind = hints[field.name].__origin__
        default = shown if shown is not None else _shown(field.default)
        yield Setting(field.name, words, default, is_switch=kind is bool, is_list=get_origin(kind) is tuple)


def load_settings(
    flags: Mapping[str, Any], *, file: Path | None, environment: Mapping[str, str] = os.environ
) -> ServeSettings:
    """Bring together flags (by name, only those given), environment and file. Raises ConfigError."""
    declared = {setting.name: setting for setting in settings_of(ServeSettings)}
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name, value in _read_file(file, set(declared)).items():
        values[name], places[name] = value, f"{file}: {name}"
    for name, setting in declared.items():
        if setting.variable in environment:
            text = environment[setting.variable]
            values[name] = text.replace(",", " ").split() if setting.is_list else text
            places[name] = setting.variable
    for name, value in flags.items():
        values[name], places[name] = value, declared[name].flag
    try:
        return msgspec.convert(values, ServeSettings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), places)) from error


def settings_table(struct: type[msgspec.Struct]) -> str:
    """The settings as a Markdown table."""
    rows = ["| flag | variable | key in the file | default | what it is |", "|---|---|---|---|---|"]
    for setting in settings_of(struct):
        flag = f"{setting.flag} / --no-{setting.flag[2:]}" if setting.is_switch else setting.flag
        default = f"`{setting.default}`" if setting.default else ""
        rows.append(f"| `{flag}` | `{setting.variable}` | `{setting.name}` | {default} | {setting.help} |")
    return "\n".join(rows) + "\n"


def _read_file(file: Path | None, known: set[str]) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    if unknown := sorted(set(table) - known):
        raise ConfigError(f"{file}: there is no setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return table


def _explain(error: str, places: Mapping[str, str]) -> str:
    """Make msgspec's "Expected `int` <= 65535 - at `$.port`" say where the value came from."""
    what, _, path = error.partition(" - at `$.")
    name = path.rstrip("`").partition("[")[0]
    return f"{places.get(name, name)}: {what[:1].lower()}{what[1:].replace('`', '')}"


def _to_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    raise ValueError("Expected a path")


def _shown(default: object) -> str:
    if default is True or default is False:
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
