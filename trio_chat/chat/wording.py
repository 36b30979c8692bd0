"""The wording of answers, the same for plain clients and our own, and limits on their length."""

from collections.abc import Iterable
from itertools import islice
from textwrap import wrap
from types import MappingProxyType

from trio_chat.chat.events import LOBBY

HISTORY_DEFAULT = 20
"""Lines that `/history` shows without a number."""

HISTORY_MAX = 1000
SEARCH_MAX = 50
ROOMS_MAX = 200
WHO_MAX = 200
"""Names that `/who` prints at most."""

NO_STICKERS = "this server has no stickers of its own; clients draw theirs, such as @smile"
IN_LOBBY_ALREADY = f"#{LOBBY} cannot be left; /quit leaves the chat"
NOTHING_FOUND = "nothing found"

STILL_INDEXING = "older lines are still being indexed"
"""Behind what a search found, while there may be more."""

LATE_HELLO = "that hello came too late for frames: connect again, and say it at once"
NO_FRAMES = "this connection speaks lines, so nothing was sent: /msg NICK TEXT says something to one person alone"
TOPIC_CHANGED = "the topic was changed"
YOU_HAVE_LEFT = "you have left"

MAY_BE_LOST = "messages that you have seen may be lost: /history shows those that are kept"
NOTHING_READABLE = "nothing of that can be read, so it was not sent"

_USAGE_MAX = 16
"""Characters of a usage that has its text beside it in `/help`."""

_HELP_COLUMNS = 80
"""The most columns of a row of `/help`: a usage and its text, with the blanks before and between them."""

_HELP_TEXT_LEAST = 24
"""The least columns of a text that stands beside a usage."""

SAY_A_SLASH = ("//TEXT", "say a line that begins with /")


_LEAVES = "/quit leaves"
_HELPS = "/help lists the commands"
_MEANT = MappingProxyType(
    dict.fromkeys(("quit", "exit", "logout", "exit()", ":q", ":q!", ":wq"), _LEAVES) | {"help": _HELPS}
)
_MEANT_CHARS_MAX = max(map(len, _MEANT))


def command_meant(text: str) -> str:
    """Return a sentence with the command that somebody means who says only `quit` or `help`; else an empty string."""
    return _MEANT.get(text.strip().lower(), "") if len(text) <= 2 * _MEANT_CHARS_MAX else ""


def notice(text: str) -> str:
    """Format a line of the server or the client itself."""
    return f"*** {text} ***"


def stops_within(seconds: float) -> str:
    """Ask somebody who has to connect again by themselves to do so."""
    return f"this server will stop within {seconds:g} s: connect again, and another takes over"


def who_is_here(room: str, count: int, labels: Iterable[tuple[str, bool]], *, limit: int = WHO_MAX) -> str:
    """Answer `/who`: the number of members of a room, and some of their labels, each with whether it is the asker's."""
    shown = [f"[{label}]" + (" (you)" if is_you else "") for label, is_you in islice(labels, limit)]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"{count} in #{room}: {', '.join(shown)}{more}"


def rooms_there_are(rooms: Iterable[tuple[str, int, str]], count: int, *, limit: int = ROOMS_MAX) -> list[str]:
    """Answer `/rooms`: names, numbers of members and topics of the largest rooms, of `count` in all."""
    largest_first = sorted(((f"#{name}", members, topic) for name, members, topic in rooms), key=_by_size)
    rows = largest_first[:limit]
    width = max((len(name) for name, _, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {members:>5}  {topic}".rstrip() for name, members, topic in rows]
    if count > len(rows):
        lines.append(f"  and {count - len(rows)} more")
    return lines


def _by_size(room: tuple[str, int, str]) -> tuple[int, str]:
    return -room[1], room[0]


def where_you_are(room: str, topic: str) -> str:
    """Answer `/join`."""
    return f"you are in #{room}" + (f": {topic}" if topic else "")


def topic_of(room: str, topic: str) -> str:
    """Answer `/topic`."""
    return f"the topic of #{room}: {topic}" if topic else f"#{room} has no topic"


def topic_changes(count: int) -> str:
    """Sum up changes of a topic that are not told one by one."""
    return f"{TOPIC_CHANGED} {f'{count:,} times' if count > 1 else 'once'}"


def topic_wanted(argument: str) -> str:
    """Read the TEXT of `/topic TEXT`. A lone dash clears the topic, since `/topic` without TEXT shows it."""
    return "" if argument == "-" else argument


def told_to(label: str, text: str) -> str:
    """Confirm a `/msg` that is kept."""
    return f"to [{label}]: {text}"


def waits_for(label: str, away_s: float, left_s: float) -> str:
    """Tell the sender of `/msg` that the recipient, whose connection broke, reads it only on coming back in time."""
    left = max(1, round(left_s))
    since = f"has been away for {round(away_s)} s" if away_s >= 1 else "has just lost the connection"
    return f"[{label}] {since}: this waits for them, for {left} s more"


def waits_for_member(label: str) -> str:
    """Tell the sender of `/msg` that the recipient, a member, is not here and reads it on coming back."""
    return f"[{label}] is not here: this waits for them"


def news_in(room: str, new: int, mentions: int) -> str:
    """Sum up what is new in a room to a member who comes back."""
    return f"#{room}: {new:,} new" + (f", {mentions:,} for you" if mentions else "")


def who_you_are(label: str) -> str:
    """Answer `/nick` without a name."""
    return f"you are [{label}]; /nick NAME changes that"


def guest_you_are(label: str, name: str) -> str:
    """Tell a guest which nick it has, where the others are for members, and which name it can claim."""
    return f"you are [{label}]: /register makes {name} yours"


def claimed_by_another(name: str) -> str:
    """Refuse a name that somebody has claimed, to those who have not proven that it is theirs."""
    login = f"/login {name}, or trio-chat join --nick {name} with its key"
    return f"the name [{name}] belongs to somebody. If it is yours: {login}"


def help_rows(rows: list[tuple[str, str]], columns: int = _HELP_COLUMNS) -> list[str]:
    """Answer `/help`: usages, each with its purpose, in rows of at most so many columns, where the usages fit."""
    rows = [*rows, SAY_A_SLASH]
    columns = min(columns, _HELP_COLUMNS)
    width = max(len(usage) for usage, _ in rows if len(usage) <= _USAGE_MAX)
    if columns - width - 4 < _HELP_TEXT_LEAST:
        return [row for usage, text in rows for row in _help_below(usage, text, columns)]
    return [row for usage, text in rows for row in _help_row(usage, text, width, columns)]


def _help_below(usage: str, text: str, columns: int) -> list[str]:
    """Lay out a usage, and below it what it is for: there is no space beside it."""
    return [f"  {usage}", *(f"    {line}" for line in wrap(text, max(columns - 4, 1)))]


def _help_row(usage: str, text: str, width: int, columns: int) -> list[str]:
    """Lay out a usage and what it is for, which begins below a usage that needs the space beside it."""
    texts = wrap(text, columns - width - 4) or [""]
    rows = [f"  {'':<{width}}  {line}" for line in texts]
    if len(usage) > width:
        return [f"  {usage}", *rows]
    return [f"  {usage:<{width}}  {texts[0]}", *rows[1:]]
