"""The language of searches: words, phrases in quotes, and filters such as `from:ann` and `before:14:00`, in any order.

What only looks like a filter, as in `http://x`, is a word, and so is everything in quotes. Pure.
"""

import re

import msgspec

from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import Bounds, iso_utc, read_bound
from trio_chat.chat.nicks import bare_name, check_room
from trio_chat.chat.text import clean

SEARCH_CHARS_MAX = 256
"""Characters in one search, judged before anything else is done with it."""

TOO_LONG = f"a search has at most {SEARCH_CHARS_MAX} characters"
NO_WORD = "say a word to look for, or from:NICK; /history 20 before WHEN shows all lines"

FILTERS = "from:NICK, in:ROOM, before:WHEN and after:WHEN"

_EXAMPLES = {"from": "from:alice", "in": "in:#lobby", "before": "before:yesterday", "after": "after:2026-11-28"}
_WORDS = r'"(?P<phrase>[^"]*)"|(?P<word>\S+)'
_WORD = re.compile(_WORDS)
_TERM = re.compile(rf'(?P<name>{"|".join(_EXAMPLES)})[:\uff1a](?P<value>"[^"]*"|\S*)(?!\S)|{_WORDS}', re.IGNORECASE)
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\xab\xbb", '"'))
_IDS_AT_END = re.compile(r"(?:\s+before:[0-9]+)+\s*$", re.IGNORECASE)


class SearchTerms(msgspec.Struct, frozen=True):
    """A search as it was typed, and its meaning: words and phrases, and who said them, where, and when.

    `rooms` is empty where none is named, and `author` where it may be anybody.
    """

    typed: str
    words: str = ""
    author: str = ""
    rooms: tuple[str, ...] = ()
    bounds: Bounds = Bounds()


def read_search(typed: str, now: float) -> SearchTerms:
    """Read a search. `now` is in seconds since 1970. Raises ChatError with a sentence for whoever typed it."""
    words: list[str] = []
    authors: list[str] = []
    rooms: list[str] = []
    bounds = Bounds()
    for term in _terms(typed):
        match _filter_of(term):
            case "from", value:
                authors.append(bare_name(value))
            case "in", value:
                rooms.append(value if value.startswith("@") else check_room(value))
            case (word, value):
                bounds = bounds.within(read_bound(word, value, now))
            case None:
                words.append(term[0])
    if len(authors) > 1:
        raise ChatError("usage", "say from: once: lines are found by one author, or by anybody")
    if not (words or authors):
        raise ChatError("usage", NO_WORD)
    return SearchTerms(typed, " ".join(words), "".join(authors), tuple(dict.fromkeys(rooms)), bounds)


def phrases_in(words: str) -> tuple[str, ...]:
    """Return the folded phrases of a search without filters, each once: words, and what stands in quotes."""
    from trio_chat.chat.words import phrase  # takes 15 ms, which no client should wait for at the start

    texts = (it["word"] or it["phrase"] or "" for it in _WORD.finditer(words.translate(_QUOTES)))
    return tuple(dict.fromkeys(filter(None, map(phrase, texts))))


def with_instants(typed: str, now: float) -> str:
    """Return a search with its times in UTC. They were typed in the zone of this machine. Raises ChatError."""
    return _checked(" ".join(_with_instant(term, now) for term in _terms(typed)))


def found_end(typed: str, count: int, first_id: int | None) -> str:
    """Tell how many lines a search found; where there are more than shown, of which `first_id` is the oldest, go on."""
    lines = f"{count} line{'' if count == 1 else 's'}"
    if first_id is None:
        return f"{lines} found"
    return f"the newest {lines}; older: /search {_IDS_AT_END.sub('', clean(typed))} before:{first_id}"


def _terms(typed: str) -> list[re.Match[str]]:
    """Split a search. Raises ChatError."""
    return list(_TERM.finditer(_checked(typed).translate(_QUOTES)))


def _checked(typed: str) -> str:
    if len(typed) > SEARCH_CHARS_MAX:
        raise ChatError("too-much", TOO_LONG)
    return typed


def _filter_of(term: re.Match[str]) -> tuple[str, str] | None:
    """Return the name of a filter, in small letters, and its value; None for words. Raises ChatError."""
    if not term["name"]:
        return None
    name, value = term["name"].lower(), term["value"].strip('"').strip()
    if not value:
        raise ChatError("usage", f'say {name}: with something behind it, as in {_EXAMPLES[name]}; "{name}:" is a word')
    return name, value


def _with_instant(term: re.Match[str], now: float) -> str:
    named = _filter_of(term)
    if named is None or named[0] not in ("before", "after"):
        return term[0]
    bounds = read_bound(*named, now)
    instant = bounds.after_time if bounds.before_time is None else bounds.before_time
    return term[0] if instant is None else f"{named[0]}:{iso_utc(instant)}"
