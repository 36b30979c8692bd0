"""The arguments of `/history` and `/mentions`, and the words behind an answer that tell how to read on."""

import msgspec

from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import MOMENT_EXAMPLES, Bounds, read_bound
from trio_chat.chat.wording import HISTORY_DEFAULT

_DIGITS_MAX = 9
_WORDS = ("before", "after")


class HistoryRange(msgspec.Struct, frozen=True):
    """The lines that somebody asks for: how many at most, and between what."""

    limit: int
    bounds: Bounds = Bounds()


def conversation_in(argument: str) -> tuple[str, str]:
    """Split off `@NAME`, with which one's own conversation with somebody is meant. -> it, or "", and the rest"""
    first, *rest = argument.split(maxsplit=1) or [""]
    if not first.startswith("@") or len(first) == 1:
        return "", argument
    return first, rest[0] if rest else ""


def lines_wanted(argument: str, most: int) -> int:
    """Read the N of `/history N`: no more than there may be at once. Raises ChatError for what is no such number."""
    number, _ = _split(argument)
    limit = _limit_in(number, most)
    if limit is None:
        raise ChatError(
            "usage",
            f"expected a number of lines up to {most}, before or after a time, or both: /history {HISTORY_DEFAULT}, "
            f"/history before yesterday, /history {HISTORY_DEFAULT} after 14:00",
        )
    return limit


def mentions_wanted(argument: str, most: int) -> int:
    """Read the N of `/mentions N`, in the same way; nothing may stand behind it. Raises ChatError."""
    limit = _limit_in(argument, most)
    if limit is None:
        raise ChatError("usage", f"expected a number of lines up to {most}: /mentions {HISTORY_DEFAULT}")
    return limit


def range_wanted(argument: str, most: int, now: float) -> HistoryRange:
    """Read the argument of `/history N before WHEN`. `now` is in seconds since 1970. Raises ChatError."""
    limit, (_, rest) = lines_wanted(argument, most), _split(argument)
    if not rest:
        return HistoryRange(limit)
    word, *when = rest.split(maxsplit=1)
    if not when:
        raise ChatError("usage", f"say {word} what: {MOMENT_EXAMPLES}")
    return HistoryRange(limit, read_bound(word.lower(), when[0], now))


def read_on(limit: int, bounds: Bounds, first_id: int, last_id: int) -> str:
    """Tell how to read what comes behind the far end of the lines shown, of which these are the ends."""
    if bounds.is_forward:
        return f"newer: /history {limit} after {last_id}"
    return f"older: /history {limit} before {first_id}"


def _limit_in(number: str, most: int) -> int | None:
    """Return a number of lines, `most` at most; the usual one for "". -> None for what is no number above 0"""
    if not number:
        return HISTORY_DEFAULT
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS_MAX and int(number) > 0):
        return None
    return min(int(number), most)


def _split(argument: str) -> tuple[str, str]:
    """Split off the number, which may be left out."""
    first, *rest = argument.split(maxsplit=1) or [""]
    if first.lower() in _WORDS:
        return "", argument
    if rest and rest[0].split(maxsplit=1)[0].lower() not in _WORDS:
        return argument, ""
    return first, rest[0] if rest else ""
