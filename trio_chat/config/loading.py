"""Loading of settings: a flag overrides a variable, a variable the file, the file the default."""

import codecs
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from trio_chat.config.bounded_file import read_bounded
from trio_chat.config.setting_types import SettingType

_S = TypeVar("_S", bound=msgspec.Struct)

_PREFIX = "TRIO_CHAT_"

CONFIG_VARIABLE = "TRIO_CHAT_CONFIG"
"""The variable that names the TOML file. Not a setting itself."""

DEFAULT_SOURCE = "default"
"""The source of a value that is the default."""


class ConfigError(Exception):
    """A setting is invalid; the text says which one, its source, and what was expected."""


@dataclass(frozen=True, slots=True)
class SettingMeta:
    """Annotation that declares a setting. `default` describes the default where its value says little.

    A reload applies a setting that `is_live`; others need a restart. `--help` lists it under its `section`, and with
    its `short` flag, a letter.
    """

    help: str
    type: SettingType
    default: str = ""
    is_live: bool = False
    section: str = ""
    short: str = ""


class Setting(NamedTuple):
    """A declared setting, with its names on the command line, in the environment and in a TOML file."""

    name: str
    help: str
    type: SettingType
    default: str
    is_live: bool = False
    section: str = ""
    short: str = ""

    @property
    def flag(self) -> str:
        """The name on the command line; a secret has none."""
        return "" if self.type.is_secret else f"--{self.key}"

    @property
    def flags(self) -> tuple[str, ...]:
        """All names on the command line."""
        return tuple(flag for flag in (self.short and f"-{self.short}", self.flag) if flag)

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return f"{_PREFIX}{self.name.upper()}"

    @property
    def key(self) -> str:
        """The name in a TOML file."""
        return self.name.replace("_", "-")

    def show(self, value: object) -> str:
        """Format a value for people; a secret is not shown."""
        if value is None:
            return self.default
        if self.type.is_secret:
            return "(secret)"
        return self.type.show(value) or self.default

    def read(self, value: object, source: str, *, is_toml: bool = False) -> Any:
        """Parse a value from `source`, which an error names. Raises ConfigError."""
        try:
            return self.type.read(value, is_toml=is_toml)
        except ValueError as error:
            raise ConfigError(f"{source}: {error}") from error


def settings_of(struct: type[msgspec.Struct]) -> Iterator[Setting]:
    """Yield the settings that a class declares, in its order."""
    hints = get_type_hints(struct, include_extras=True)
    for column in msgspec.structs.fields(struct):
        meta = next(it for it in hints[column.name].__metadata__ if isinstance(it, SettingMeta))
        default = meta.default or meta.type.show(column.default)
        yield Setting(column.name, meta.help, meta.type, default, meta.is_live, meta.section, meta.short)


class SettingsTable(NamedTuple):
    """Values by their TOML keys; `where` returns the location of a key, for errors."""

    values: Mapping[str, object]
    where: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A value of a setting, and where it was found."""

    value: Any
    source: str


@dataclass(slots=True)
class CollectedSettings:
    """All values found for the settings of a class, by name, and all errors."""

    values: dict[str, SourcedValue] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, setting: Setting, value: object, source: str, *, is_toml: bool = False) -> None:
        """Let a value override an earlier one, unless it is invalid."""
        try:
            self.values[setting.name] = SourcedValue(setting.read(value, source, is_toml=is_toml), source)
        except ConfigError as error:
            self.errors.append(str(error))

    @property
    def sources(self) -> Mapping[str, str]:
        """The source of each value, by the name of its setting."""
        return {name: value.source for name, value in self.values.items()}

    def build(self, struct: type[_S]) -> _S:
        """Make the settings from the values. Raises ConfigError with the first error."""
        if self.errors:
            raise ConfigError(self.errors[0])
        return struct(**{name: value.value for name, value in self.values.items()})


def collect(
    struct: type[msgspec.Struct],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    tables: Sequence[SettingsTable] = (),
) -> CollectedSettings:
    """Collect settings from flags (by name; None and an empty tuple are unset), variables and file. Raises nothing.

    `tables` are from other files: they override that file, and each the one before it.
    """
    found = CollectedSettings()
    settings = list(settings_of(struct))
    keys = [setting.key for setting in settings]
    table = _read_table(file, keys, found.errors) if file else {}
    found.errors += [
        _unknown(key, f"{more.where(key)}: ", keys) for more in tables for key in more.values if key not in keys
    ]
    for setting in settings:
        if setting.key in table:
            found.add(setting, table[setting.key], f"{file}: {setting.key}", is_toml=True)
        for more in tables:
            if setting.key in more.values:
                found.add(setting, more.values[setting.key], more.where(setting.key), is_toml=True)
        if written := environment.get(setting.variable):  # an empty one is unset, as Compose files write it
            found.add(setting, written, setting.variable)
        if (given := flags.get(setting.name)) not in (None, ()):
            found.add(setting, given, setting.flag)
    return found


def load(
    struct: type[_S],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    tables: Sequence[SettingsTable] = (),
) -> _S:
    """Load settings from flags, variables and files; see `collect`. Raises ConfigError with the first error."""
    return collect(struct, flags, environment, file=file, tables=tables).build(struct)


def unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Yield a warning for each variable with our prefix that is not `known`, with the most similar known one.

    These are no errors: a variable may belong to another version, or to a related tool.
    """
    endings = [variable.removeprefix(_PREFIX) for variable in known]
    for name, value in sorted(environment.items()):
        if value and name not in known and name.upper().startswith(_PREFIX):
            near = get_close_matches(name.upper().removeprefix(_PREFIX), endings, n=1)
            hint = f"; did you mean {_PREFIX}{near[0]}?" if near else ""
            yield f"{name!r} is ignored: there is no such setting{hint}"


def _read_table(file: Path, keys: list[str], errors: list[str]) -> dict[str, object]:
    """Read a TOML file, and append its errors to `errors`."""
    try:
        table = _read_file(file)
    except ConfigError as error:
        errors.append(str(error))
        return {}
    errors += [_unknown(key, f"{file}: ", keys) for key in table if key not in keys]
    return table


def _unknown(key: str, where: str, keys: list[str]) -> str:
    """Return the error for an unknown key, with the most similar setting."""
    near = get_close_matches(key, keys, n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(keys)}"
    return f"{where}there is no setting {key!r}; {hint}"


def _read_file(file: Path) -> dict[str, object]:
    try:
        _, table = read_toml_text(file)
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    return {key.replace("_", "-"): value for key, value in table.items()}  # people write both


def read_toml_text(file: Path) -> tuple[str, dict[str, Any]]:
    """Read a TOML file. -> its text and its contents. Raises FileNotFoundError, and ConfigError for all else."""
    try:
        text = read_bounded(file).decode("utf-8-sig")  # Windows' Notepad writes a byte order mark
        return text, tomllib.loads(text)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        is_utf_16 = error.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        hint = ", but UTF-16: save it as UTF-8" if is_utf_16 else f" at byte {error.start}"
        raise ConfigError(f"{file}: not UTF-8{hint}") from error
    except (ValueError, RecursionError) as error:  # thousands of digits or brackets raise it, too
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
