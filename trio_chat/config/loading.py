"""From declarations to settings: a flag goes over a variable, a variable over the file, the file over the default."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from trio_chat.config.kinds import Kind

_S = TypeVar("_S", bound=msgspec.Struct)


class ConfigError(Exception):
    """A setting cannot be used; the text says which, from where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a field of a settings class is annotated with. `default` is for people, where the value says little."""

    help: str
    kind: Kind
    default: str = ""


class Setting(NamedTuple):
    """One declaration, in all the forms that follow from it."""

    name: str
    help: str
    kind: Kind
    default: str

    @property
    def flag(self) -> str:
        """What it is called on the command line; a secret has no flag."""
        return "" if self.kind.is_secret else f"--{self.key}"

    @property
    def variable(self) -> str:
        """What it is called in the environment."""
        return f"TRIO_CHAT_{self.name.upper()}"

    @property
    def key(self) -> str:
        """What it is called in a TOML file."""
        return self.name.replace("_", "-")

    def read(self, value: object, place: str, *, typed: bool = False) -> Any:
        """Read what was given at `place`. Raises ConfigError."""
        try:
            return self.kind.read(value, typed=typed)
        except ValueError as error:
            raise ConfigError(f"{place}: {error}") from error


def settings_of(struct: type[msgspec.Struct]) -> Iterator[Setting]:
    """Yield what a settings class declares, in its order."""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        declared = next(meta for meta in hints[field.name].__metadata__ if isinstance(meta, Declared))
        default = declared.default or declared.kind.show(field.default)
        yield Setting(field.name, declared.help, declared.kind, default)


def load(
    struct: type[_S], flags: Mapping[str, object], environment: Mapping[str, str], *, file: Path | None = None
) -> _S:
    """Bring together flags (by name; None and an empty tuple are none), variables and file. Raises ConfigError."""
    settings = list(settings_of(struct))
    table = _read_file(file, [setting.key for setting in settings]) if file else {}
    values: dict[str, Any] = {}
    for setting in settings:
        if setting.key in table:
            values[setting.name] = setting.read(table[setting.key], f"{file}: {setting.key}", typed=True)
        if written := environment.get(setting.variable):  # an empty one is one not set, as Compose files write it
            values[setting.name] = setting.read(written, setting.variable)
        if (given := flags.get(setting.name)) not in (None, ()):
            values[setting.name] = setting.read(given, setting.flag)
    return struct(**values)


def settings_table(struct: type[msgspec.Struct]) -> str:
    """Write the settings of a class as a Markdown table."""
    rows = ["| flag | variable | default | what it is |", "|---|---|---|---|"]
    rows += [
        f"| {_show_flag(setting)} | `{setting.variable}` | {setting.default} | {setting.help} |"
        for setting in settings_of(struct)
    ]
    return "\n".join(rows) + "\n"


def _show_flag(setting: Setting) -> str:
    if setting.kind.is_secret:
        return "none"
    if setting.kind.is_switch:
        return f"`{setting.flag}`, `--no-{setting.key}`"
    return f"`{setting.flag} {setting.kind.metavar}`"


def _read_file(file: Path, keys: list[str]) -> dict[str, object]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    table = {key.replace("_", "-"): value for key, value in table.items()}  # people write both
    for key in table:
        if key not in keys:
            near = get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(keys)}"
            raise ConfigError(f"{file}: there is no setting {key!r}; {hint}")
    return table
