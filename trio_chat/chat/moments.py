"""The times and ids between which somebody wants to read: `14:00`, `yesterday`, `2026-11-28 14:00`, `4711`."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from datetime import timezone as fixed_zone
from typing import TypeVar

import msgspec

from trio_chat.chat.errors import ChatError
from trio_chat.chat.text import excerpt

MOMENT_EXAMPLES = "14:00, yesterday, 2026-11-28, 2026-11-28T14:00, or the id of a line: 4711"

MOMENT_MAX = 40
"""Characters of a time that are looked at."""

TIME_MAX = 253_402_300_799
"""The last second of the year 9999, in seconds since 1970."""

T = TypeVar("T", int, float)

_ID = re.compile("[0-9]{1,18}")
_DAY = "(?P<day>today|yesterday|[0-9]{4}-[0-9]{2}-[0-9]{2})"
_TIME = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,6})?)?"
_ZONE = "(?P<zone>z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))"
_MOMENT = re.compile(f"{_DAY}|(?:{_DAY.replace('day>', 'its_day>')}[ t]+)?{_TIME}{_ZONE}?", re.IGNORECASE)


class Bounds(msgspec.Struct, frozen=True):
    """The stretch of a history that is asked for, by ids and by times in seconds since 1970; None is no bound.

    Entries have ids below `before` and above `after`, and were kept before `before_time`, and at `after_time` or later.
    """

    before: int | None = None
    after: int | None = None
    before_time: float | None = None
    after_time: float | None = None

    def within(self, other: "Bounds") -> "Bounds":
        """Return the stretch that lies within both."""
        return Bounds(
            _least(self.before, other.before),
            _most(self.after, other.after),
            _least(self.before_time, other.before_time),
            _most(self.after_time, other.after_time),
        )

    @property
    def is_forward(self) -> bool:
        """True if the entries wanted are the oldest, those after something, and not the newest."""
        return not (self.after is None and self.after_time is None)


def read_bound(word: str, typed: str, now: float) -> Bounds:
    """Read what somebody typed behind `before` or `after`: an id, or a time in the zone of this process.

    `now` is in seconds since 1970. Raises ChatError with examples.
    """
    if _ID.fullmatch(typed):
        return Bounds(before=int(typed)) if word == "before" else Bounds(after=int(typed))
    instant = _instant(typed, now)
    return Bounds(before_time=instant) if word == "before" else Bounds(after_time=instant)


def iso_utc(instant: float) -> str:
    """Write a time, in seconds since 1970, in a form that `read_bound` reads everywhere alike."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def zone_at(instant: float) -> str:
    """Name the zone of this process at a time by its distance from UTC: `UTC`, `UTC+1`, `UTC-3:30`."""
    offset = datetime.fromtimestamp(instant).astimezone().utcoffset() or timedelta()
    hours, minutes = divmod(abs(round(offset.total_seconds())) // 60, 60)
    if not (hours or minutes):
        return "UTC"
    return f"UTC{'-' if offset < timedelta() else '+'}{hours}" + (f":{minutes:02}" if minutes else "")


def _instant(typed: str, now: float) -> float:
    if len(typed) <= MOMENT_MAX and (found := _MOMENT.fullmatch(typed)):
        with suppress(ValueError, OverflowError, OSError):  # the 31st of February, 25:00, what the platform cannot
            return min(max(_moment(found, now), 0.0), float(TIME_MAX))
    raise ChatError("usage", f"{excerpt(typed)} is no time: expected {MOMENT_EXAMPLES}")


def _moment(found: re.Match[str], now: float) -> float:
    named = (found["day"] or found["its_day"] or "").lower()
    at = time(int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0))
    moment = datetime.combine(_day(named, now), at, _zone(found))
    if not named and moment.timestamp() > now:
        moment -= timedelta(days=1)  # 14:00 in the morning is yesterday's
    return moment.timestamp()


def _day(named: str, now: float) -> date:
    today = datetime.fromtimestamp(now).date()
    match named:
        case "" | "today":
            return today
        case "yesterday":
            return today - timedelta(days=1)
    return date.fromisoformat(named)


def _zone(found: re.Match[str]) -> fixed_zone | None:
    """Return the zone that is named; None for that of this process."""
    if not found["zone"]:
        return None
    if not found["sign"]:
        return UTC
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return fixed_zone(-offset if found["sign"] == "-" else offset)


def _least(one: T | None, other: T | None) -> T | None:
    return min((it for it in (one, other) if it is not None), default=None)


def _most(one: T | None, other: T | None) -> T | None:
    return max((it for it in (one, other) if it is not None), default=None)
