"""Values that operators type and read: durations, times, and the names of clients."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import iso_utc, read_bound
from trio_chat.config.setting_types import duration
from trio_chat.operate.api import Json

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))

DURATION = duration(0, 10**9)


class DurationType(click.ParamType):  # type: ignore[type-arg]  # no generic before Click 8.4
    """A duration, such as 90, 90s, 15m or 2h. -> seconds"""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, or fail with what was expected."""
        try:
            return float(DURATION.read(value, is_toml=False))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class InstantType(click.ParamType):  # type: ignore[type-arg]
    """A time: 14:00, yesterday, 2026-11-28, 2026-11-28T14:00Z; or a duration, so long before now. -> RFC 3339, UTC"""

    name = "time"

    def __init__(self, *, is_future: bool = False) -> None:
        """If `is_future`, a duration is counted from now on, and a time of day is the next one."""
        self._is_future = is_future

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it, or fail with what was expected."""
        now = time.time()
        try:
            seconds: float = DURATION.parse(str(value))
            return iso_utc(now + seconds if self._is_future else max(0.0, now - seconds))
        except ValueError:
            pass
        try:
            instant = read_bound("after", str(value), now).after_time or 0.0
        except ChatError:
            self.fail(f"expected 14:00, 2026-11-28, 2026-11-28T14:00, 90m or 7d, got {value!r}", param, ctx)
        if self._is_future and instant < now and ":" in str(value) and "-" not in str(value):
            instant += 86400
        return iso_utc(instant)


def show_age(seconds: float | None) -> str:
    """Format a number of seconds in its largest unit: 3s, 5m, 2h, 4d; None as ""."""
    if seconds is None:
        return ""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def show_bytes(number: int) -> str:
    """Format a number of bytes in its largest unit: 1.2 GB, 73 MB, 0 KB."""
    for size, unit in ((2**40, "TB"), (2**30, "GB"), (2**20, "MB")):
        if number >= size:
            return f"{number / size:.1f} {unit}" if number < 10 * size else f"{number // size} {unit}"
    return f"{number // 1024} KB"


def age_of(written: str | None) -> str:
    """Format the age of a time of the API, as `show_age` does."""
    return show_age(time.time() - seconds_of(written)) if written else ""


def show_time(written: str | None, *, is_short: bool = False) -> str:
    """Format a time of the API in the local time zone: 2026-11-28 14:03:05; in short 14:03, if it is of today."""
    if not written:
        return ""
    at = datetime.fromtimestamp(seconds_of(written))
    if not is_short:
        return f"{at:%Y-%m-%d %H:%M:%S}"
    return f"{at:%H:%M}" if at.date() == datetime.now().date() else f"{at:%Y-%m-%d %H:%M}"


def seconds_of(written: str) -> float:
    """Return a time of the API, which is written as RFC 3339 has it, in seconds since 1970."""
    return datetime.fromisoformat(written).astimezone(UTC).timestamp()


def operator_of(written: str) -> str:
    """Name an operator as people do: `ann (192.0.2.1)` for `http ann@192.0.2.1`, `192.0.2.1` for `http 192.0.2.1`."""
    if not written.startswith("http "):
        return written
    name, at, address = written.removeprefix("http ").rpartition("@")
    return f"{name} ({address})" if at else address


def client_label(client: Json) -> str:
    """Name a client as the chat does, and where it comes from: `[alice] 172.17.0.4:47634`."""
    where = f"{client['address']}:{client['port']}" if client["address"] else "(away)"
    return f"[{client['label']}]" + ("" if client["nick"] is None else f" {where}")
