"""Types of settings: the form of a value in a flag or a variable, in TOML and in the documentation."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from trio_chat.chat.operators.networks import Network, parse_network

_Number = TypeVar("_Number", int, float)

_BYTES = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class SettingType:
    """The type of a setting. `parse` raises ValueError or LookupError; `toml_types` are its types in a TOML file."""

    metavar: str
    expected: str
    parse: Callable[[str], Any]
    toml_types: tuple[type, ...] = (str,)
    show: Callable[[Any], str] = str
    is_list: bool = False
    is_secret: bool = False

    @property
    def is_boolean(self) -> bool:
        """True if its flag takes no value: `--x` and `--no-x`."""
        return self.toml_types == (bool,)

    def read(self, value: object, *, is_toml: bool) -> Any:
        """Parse a value of a TOML file (`is_toml`), or a text. Raises ValueError, which says what was expected."""
        if self.is_list and isinstance(value, tuple):  # a repeatable flag
            return tuple(one for item in value for one in self.read(item, is_toml=is_toml))
        try:
            if self.is_list:
                return tuple(self._read_one(item, is_toml=is_toml) for item in _items(value, is_toml=is_toml))
            return self._read_one(value, is_toml=is_toml)
        except (ValueError, LookupError, TypeError) as error:
            got = "something else" if self.is_secret else repr(value)
            where = "in an array: " if is_toml and self.is_list else ""
            raise ValueError(f"expected {where}{self.expected}, got {got}") from error

    def _read_one(self, value: object, *, is_toml: bool) -> Any:
        if is_toml and not isinstance(value, self.toml_types):
            raise TypeError
        return self.parse(str(value))


def integer(low: int, high: int, *, metavar: str = "N") -> SettingType:
    """Make the type of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        return _within(_parse_integer(text), low, high)

    return SettingType(metavar, f"a whole number from {low} to {high}", parse, toml_types=(int,))


def size(low: int, high: int) -> SettingType:
    """Make the type of sizes in bytes from `low` to `high`, as `65536` or `64KiB`."""

    def parse(text: str) -> int:
        number, unit = _split_unit(r"[0-9]{1,15}", text)
        return _within(int(number) * _BYTES[unit], low, high)

    expected = f"a size from {_show_size(low)} to {_show_size(high)}, such as 64KiB"
    return SettingType("SIZE", expected, parse, toml_types=(int, str), show=_show_size)


def duration(low_s: float, high_s: float) -> SettingType:
    """Make the type of durations in seconds from `low_s` to `high_s`, as `30`, `2.5s`, `10m`, `12h` or `7d`."""

    def parse(text: str) -> float:
        number, unit = _split_unit(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", text)
        return _within(float(number) * _SECONDS[unit], low_s, high_s)

    examples = "90s or 10m" if high_s >= 600 else "2.5s or 30s"
    expected = f"a time from {_show_duration(low_s)} to {_show_duration(high_s)}, such as {examples}"
    return SettingType("TIME", expected, parse, toml_types=(int, float, str), show=_show_duration)


@dataclass(frozen=True, slots=True)
class RetentionLimit:
    """A limit on the entries that are kept: a maximum age in seconds, or a maximum number."""

    older_than: float | None = None
    more_than: int | None = None


def retention_limits(age: SettingType, count: SettingType) -> SettingType:
    """Make the type of lists of retention limits: an age has a unit, as in `30d`; a plain number is a count."""

    def parse(written: str) -> RetentionLimit:
        if written.strip().isdecimal():
            return RetentionLimit(more_than=count.parse(written.strip()))
        return RetentionLimit(older_than=age.parse(written))

    def show(keeps: Iterable[RetentionLimit]) -> str:
        return ", ".join(str(keep.more_than or age.show(keep.older_than)) for keep in keeps)

    expected = f"{age.expected}, or {count.expected}".replace("90s or 10m", "12h or 30d")
    return SettingType("BOUND", expected, parse, toml_types=(int, str), show=show, is_list=True)


def text(metavar: str, expected: str, *, show: Callable[[str], str] = str) -> SettingType:
    """Make a type of text on one line. `show` formats it for people."""
    return SettingType(metavar, expected, _line, show=show)


def text_list(metavar: str, expected: str) -> SettingType:
    """Make a type of lists: a repeatable flag, a variable separated by commas or spaces, a TOML array."""
    return SettingType(metavar, expected, _line, show=", ".join, is_list=True)


def host(metavar: str, expected: str) -> SettingType:
    """Make a type of addresses to listen on; `*`, `::` and "" are every interface, IPv4 and IPv6, parsed as ""."""
    return SettingType(metavar, expected, lambda written: "" if written in ("*", "::") else _line(written))


def choice(metavar: str, *names: str) -> SettingType:
    """Make the type of one word out of several."""

    def parse(written: str) -> str:
        return names[names.index(written.lower())]

    return SettingType(metavar, f"one of {', '.join(names)}", parse)


def networks(metavar: str) -> SettingType:
    """Make the type of lists of networks, such as `10.0.0.0/8`, and single addresses."""

    def parse(written: str) -> Network:
        return parse_network(written, strict=True)

    def show(values: Iterable[object]) -> str:
        return ", ".join(map(str, values))

    expected = "networks such as 192.168.1.0/24 or fd00::/8, without a zone and with no bits set behind the mask"
    return SettingType(metavar, expected, parse, show=show, is_list=True)


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never printed by accident."""

    value: str = field(repr=False)


def secret(low: int, high: int) -> SettingType:
    """Make the type of secrets of `low` to `high` ASCII characters. It has no flag, since `ps` shows flags."""

    def parse(written: str) -> Secret:
        if not (written.isascii() and written.isprintable() and " " not in written and low <= len(written) <= high):
            raise ValueError
        return Secret(written)

    return SettingType("", f"{low} to {high} characters of ASCII without spaces", parse, is_secret=True)


def passphrase(high: int) -> SettingType:
    """Make the type of passwords, up to `high` characters of any script. It has no flag either."""

    def parse(written: str) -> Secret:
        if not (written.isprintable() and 0 < len(written) <= high):
            raise ValueError
        return Secret(written)

    return SettingType("", f"1 to {high} characters", parse, is_secret=True)


def path(metavar: str, expected: str) -> SettingType:
    """Make a type of paths; `~` is the home folder."""
    return SettingType(metavar, expected, _path)


def url(metavar: str, expected: str) -> SettingType:
    """Make a type of base URLs of HTTP servers. `HOST:PORT` alone is http://; a slash at the end is dropped."""

    def parse(written: str) -> str:
        whole = _line(written) if "://" in written else f"http://{_line(written)}"
        parts = urlsplit(whole)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.password
            or parts.query
            or parts.fragment
        ):
            raise ValueError(written)
        if parts.port == 0:  # reading it raises ValueError where it is out of range
            raise ValueError(written)
        return whole.rstrip("/")

    return SettingType(metavar, expected, parse)


BOOLEAN = SettingType(
    "", "true or false", lambda written: _TRUTH[written.lower()], toml_types=(bool,), show=lambda on: str(on).lower()
)


def _parse_integer(written: str) -> int:
    if not re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", written):  # int() accepts more: 4_7, +47, digits of any script
        raise ValueError(written)
    return int(written)


def _split_unit(number: str, written: str) -> tuple[str, str]:
    found = re.fullmatch(rf"({number}) ?([a-z]*)", written.strip().lower())
    if found is None:
        raise ValueError(written)
    return found[1], found[2]


def _line(written: str) -> str:
    if not written.isprintable():
        raise ValueError(written)
    return written


def _path(written: str) -> Path:
    if not written or "\0" in written:
        raise ValueError(written)
    try:
        return Path(written).expanduser()
    except RuntimeError as error:  # `~name` of nobody
        raise ValueError(written) from error


def _within(value: _Number, low: float, high: float) -> _Number:
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _items(value: object, *, is_toml: bool) -> Iterable[object]:
    if isinstance(value, str):
        if is_toml:
            raise TypeError
        return re.findall(r"[^,\s]+", value)
    if not isinstance(value, list):
        raise TypeError
    return value


def _show_size(size_bytes: int) -> str:
    for name, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{name}"
    return str(size_bytes)


def _show_duration(seconds: float) -> str:
    for name, factor in (("d", 86400), ("h", 3600)):
        if seconds and seconds % factor == 0:
            return f"{seconds / factor:g}{name}"
    return f"{seconds:g}s"
