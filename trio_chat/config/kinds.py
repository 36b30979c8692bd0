"""Kinds of values: how each is written in a flag or a variable, in TOML and in the documentation."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from trio_chat.chat.operators.networks import Network, parse_network

_Number = TypeVar("_Number", int, float)

_BYTES = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class SettingKind:
    """One kind of value. `parse` raises ValueError or LookupError for what is none; `native` are its types in TOML."""

    metavar: str
    expected: str
    parse: Callable[[str], Any]
    native: tuple[type, ...] = (str,)
    show: Callable[[Any], str] = str
    is_list: bool = False
    is_secret: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether its flag takes no value."""
        return self.native == (bool,)

    def read(self, value: object, *, typed: bool) -> Any:
        """Read what a TOML file (`typed`) or text gave. Raises ValueError that says what was expected instead."""
        if self.is_list and isinstance(value, tuple):  # a flag that was given any number of times
            return tuple(one for item in value for one in self.read(item, typed=typed))
        try:
            if self.is_list:
                return tuple(self._read_one(item, typed=typed) for item in _items(value, typed=typed))
            return self._read_one(value, typed=typed)
        except (ValueError, LookupError, TypeError) as error:
            got = "something else" if self.is_secret else repr(value)
            where = "in an array: " if typed and self.is_list else ""
            raise ValueError(f"expected {where}{self.expected}, got {got}") from error

    def _read_one(self, value: object, *, typed: bool) -> Any:
        if typed and not isinstance(value, self.native):
            raise TypeError
        return self.parse(str(value))


def whole(low: int, high: int, *, metavar: str = "N") -> SettingKind:
    """Make the kind of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        return _within(_integer(text), low, high)

    return SettingKind(metavar, f"a whole number from {low} to {high}", parse, native=(int,))


def size(low: int, high: int) -> SettingKind:
    """Make the kind of sizes in bytes from `low` to `high`, as `65536` or `64KiB`."""

    def parse(text: str) -> int:
        number, unit = _measure(r"[0-9]{1,15}", text)
        return _within(int(number) * _BYTES[unit], low, high)

    expected = f"a size from {_show_size(low)} to {_show_size(high)}, such as 64KiB"
    return SettingKind("SIZE", expected, parse, native=(int, str), show=_show_size)


def duration(low_s: float, high_s: float) -> SettingKind:
    """Make the kind of times in seconds from `low_s` to `high_s`, as `30`, `2.5s`, `10m`, `12h` or `7d`."""

    def parse(text: str) -> float:
        number, unit = _measure(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", text)
        return _within(float(number) * _SECONDS[unit], low_s, high_s)

    examples = "90s or 10m" if high_s >= 600 else "2.5s or 30s"
    expected = f"a time from {_show_duration(low_s)} to {_show_duration(high_s)}, such as {examples}"
    return SettingKind("TIME", expected, parse, native=(int, float, str), show=_show_duration)


@dataclass(frozen=True, slots=True)
class Keep:
    """A bound of what is kept: of one age in seconds, or so many."""

    older_than: float | None = None
    more_than: int | None = None


def keeping(age: SettingKind, count: SettingKind) -> SettingKind:
    """Make the kind of lists of bounds of what is kept: an age has a unit, as `30d`, a plain number is a count."""

    def parse(written: str) -> Keep:
        if written.strip().isdecimal():
            return Keep(more_than=count.parse(written.strip()))
        return Keep(older_than=age.parse(written))

    def show(keeps: Iterable[Keep]) -> str:
        return ", ".join(str(keep.more_than or age.show(keep.older_than)) for keep in keeps)

    expected = f"{age.expected}, or {count.expected}".replace("90s or 10m", "12h or 30d")
    return SettingKind("BOUND", expected, parse, native=(int, str), show=show, is_list=True)


def text(metavar: str, expected: str) -> SettingKind:
    """Make a kind of plain text, on one line."""
    return SettingKind(metavar, expected, _line)


def texts(metavar: str, expected: str) -> SettingKind:
    """Make a kind of lists: a flag given several times, a variable parted by commas or spaces, a TOML array."""
    return SettingKind(metavar, expected, _line, show=", ".join, is_list=True)


def host(metavar: str, expected: str) -> SettingKind:
    """Make a kind of addresses to listen on; every interface, IPv4 and IPv6, is empty however it is written."""
    return SettingKind(metavar, expected, lambda written: "" if written in ("*", "::") else _line(written))


def choice(metavar: str, *names: str) -> SettingKind:
    """Make the kind of one word out of several."""

    def parse(written: str) -> str:
        return names[names.index(written.lower())]

    return SettingKind(metavar, f"one of {', '.join(names)}", parse)


def networks(metavar: str) -> SettingKind:
    """Make the kind of lists of networks, as `10.0.0.0/8`, and single addresses."""

    def parse(written: str) -> Network:
        return parse_network(written, strict=True)

    def show(values: Iterable[object]) -> str:
        return ", ".join(map(str, values))

    expected = "networks such as 192.168.1.0/24 or fd00::/8, without a zone and with no bits set behind the mask"
    return SettingKind(metavar, expected, parse, show=show, is_list=True)


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that nothing prints by accident."""

    value: str = field(repr=False)


def secret(low: int, high: int) -> SettingKind:
    """Make the kind of secrets from `low` to `high` characters of ASCII. It has no flag, since `ps` shows flags."""

    def parse(written: str) -> Secret:
        if not (written.isascii() and written.isprintable() and " " not in written and low <= len(written) <= high):
            raise ValueError
        return Secret(written)

    return SettingKind("", f"{low} to {high} characters of ASCII without spaces", parse, is_secret=True)


def passphrase(high: int) -> SettingKind:
    """Make the kind of what people think up as a secret, up to `high` characters. It has no flag either."""

    def parse(written: str) -> Secret:
        if not (written.isprintable() and 0 < len(written) <= high):
            raise ValueError
        return Secret(written)

    return SettingKind("", f"1 to {high} characters", parse, is_secret=True)


def path(metavar: str, expected: str) -> SettingKind:
    """Make a kind of paths; `~` is the home folder."""
    return SettingKind(metavar, expected, _path)


SWITCH = SettingKind(
    "", "true or false", lambda written: _TRUTH[written.lower()], native=(bool,), show=lambda on: str(on).lower()
)


def _integer(written: str) -> int:
    if not re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", written):  # int() takes more: 4_7, +47, digits of any script
        raise ValueError(written)
    return int(written)


def _measure(number: str, written: str) -> tuple[str, str]:
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


def _items(value: object, *, typed: bool) -> Iterable[object]:
    if isinstance(value, str):
        if typed:
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
