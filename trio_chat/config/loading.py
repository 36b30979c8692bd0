"""From declarations to settings: a flag goes over a variable, a variable over the file, the file over the default."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from trio_chat.config.kinds import SettingKind

_S = TypeVar("_S", bound=msgspec.Struct)

_PREFIX = "TRIO_CHAT_"


class ConfigError(Exception):
    """A setting cannot be used; the text says which, from where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a field of a settings class is annotated with. `default` is for people, where the value says little.

    What `is_live` is taken up by a reload; the rest needs a restart.
    """

    help: str
    kind: SettingKind
    default: str = ""
    is_live: bool = False


class Setting(NamedTuple):
    """One declaration, in all the forms that follow from it."""

    name: str
    help: str
    kind: SettingKind
    default: str
    is_live: bool = False

    @property
    def flag(self) -> str:
        """What it is called on the command line; a secret has no flag."""
        return "" if self.kind.is_secret else f"--{self.key}"

    @property
    def variable(self) -> str:
        """What it is called in the environment."""
        return f"{_PREFIX}{self.name.upper()}"

    @property
    def key(self) -> str:
        """What it is called in a TOML file."""
        return self.name.replace("_", "-")

    def show(self, value: object) -> str:
        """Write a value for people; what is secret stays so."""
        if value is None:
            return self.default
        if self.kind.is_secret:
            return "(secret)"
        return self.kind.show(value) or self.default

    def read(self, value: object, place: str, *, typed: bool = False) -> Any:
        """Read what was given at `place`. Raises ConfigError."""
        try:
            return self.kind.read(value, typed=typed)
        except ValueError as error:
            raise ConfigError(f"{place}: {error}") from error


def settings_of(struct: type[msgspec.Struct]) -> Iterator[Setting]:
    """Yield what a settings class declares, in its order."""
    hints = get_type_hints(struct, include_extras=True)
    for column in msgspec.structs.fields(struct):
        declared = next(meta for meta in hints[column.name].__metadata__ if isinstance(meta, Declared))
        default = declared.default or declared.kind.show(column.default)
        yield Setting(column.name, declared.help, declared.kind, default, declared.is_live)


@dataclass(frozen=True, slots=True)
class Given:
    """One value that was given for a setting, and where."""

    setting: Setting
    value: Any
    place: str


@dataclass(slots=True)
class Survey:
    """All that was given for the settings of a class, by name, and all that is wrong with it."""

    given: dict[str, Given] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def take(self, setting: Setting, value: object, place: str, *, typed: bool = False) -> None:
        """Take a value over what was given before, unless it is wrong."""
        try:
            self.given[setting.name] = Given(setting, setting.read(value, place, typed=typed), place)
        except ConfigError as fault:
            self.faults.append(str(fault))


def survey(
    struct: type[msgspec.Struct],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
) -> Survey:
    """Look at flags (by name; None and an empty tuple are none), variables and file, and raise nothing."""
    found = Survey()
    settings = list(settings_of(struct))
    table = _look_into(file, [setting.key for setting in settings], found.faults) if file else {}
    for setting in settings:
        if setting.key in table:
            found.take(setting, table[setting.key], f"{file}: {setting.key}", typed=True)
        if written := environment.get(setting.variable):  # an empty one is one not set, as Compose files write it
            found.take(setting, written, setting.variable)
        if (given := flags.get(setting.name)) not in (None, ()):
            found.take(setting, given, setting.flag)
    return found


def load(
    struct: type[_S], flags: Mapping[str, object], environment: Mapping[str, str], *, file: Path | None = None
) -> _S:
    """Bring together flags, variables and file; see `survey`. Raises ConfigError with the first thing that is wrong."""
    found = survey(struct, flags, environment, file=file)
    if found.faults:
        raise ConfigError(found.faults[0])
    return struct(**{name: given.value for name, given in found.given.items()})


def ignored(environment: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Say which variables look like settings and are none, and which of the `known` ones may be meant.

    They are no faults: one may belong to another version, or to a tool that goes with this one.
    """
    endings = [variable.removeprefix(_PREFIX) for variable in known]
    for name, value in sorted(environment.items()):
        if value and name not in known and name.upper().startswith(_PREFIX):
            near = get_close_matches(name.upper().removeprefix(_PREFIX), endings, n=1)
            hint = f"; did you mean {_PREFIX}{near[0]}?" if near else ""
            yield f"{name!r} is ignored: there is no such setting{hint}"


def settings_table(struct: type[msgspec.Struct]) -> str:
    """Write the settings of a class as a Markdown table."""
    rows = ["| flag | variable | default | what it is |", "|---|---|---|---|"]
    rows += [
        f"| {_show_flag(setting)} | `{setting.variable}` | {setting.default} | {setting.help} |"
        for setting in settings_of(struct)
    ]
    return "\n".join(rows) + "\n"


def live_list(struct: type[msgspec.Struct]) -> str:
    """Write the settings of a class that a reload takes up, for Markdown."""
    return ", ".join(f"`{setting.key}`" for setting in settings_of(struct) if setting.is_live)


def _show_flag(setting: Setting) -> str:
    if setting.kind.is_secret:
        return "none"
    if setting.kind.is_switch:
        return f"`{setting.flag}`, `--no-{setting.key}`"
    return f"`{setting.flag} {setting.kind.metavar}`"


def _look_into(file: Path, keys: list[str], faults: list[str]) -> dict[str, object]:
    """Read a file. What is wrong with it goes to `faults`."""
    try:
        table = _read_file(file)
    except ConfigError as fault:
        faults.append(str(fault))
        return {}
    for key in table:
        if key not in keys:
            near = get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(keys)}"
            faults.append(f"{file}: there is no setting {key!r}; {hint}")
    return table


def _read_file(file: Path) -> dict[str, object]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # Windows' Notepad writes the mark
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:  # also thousands of digits, or of brackets
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    return {key.replace("_", "-"): value for key, value in table.items()}  # people write both
