"""The meaning of a search: the same for all engines."""

import re
from collections.abc import Iterable
from unicodedata import category

from trio_chat.chat.events import Kind
from trio_chat.chat.normalization import normalized
from trio_chat.journal.records import SearchError

SEARCHED = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""The kinds of entries that are searched."""

_TOKEN = re.compile(r"[^\W_]+")


WORDS_MAX = 8
"""Words in one search. Each costs as much as another search."""

CHARS_MAX = 256
"""Characters in one search, judged before anything else is done with it."""


def phrases(words: str) -> list[str]:
    """Split a query into phrases, each of which has to be somewhere in a text. Raises SearchError.

    Spaces separate phrases. Other signs separate the words of one phrase: `can't` is `can` followed at once by `t`.
    Of phrases that find the same only the first is returned.
    """
    if len(words) > CHARS_MAX:
        raise SearchError(f"a search has at most {CHARS_MAX} characters")
    readable = "".join(char if char.isprintable() else " " for char in words)
    found: dict[str, str] = {}
    for phrase in readable.split():
        if folded := fold(phrase):
            found.setdefault(folded, phrase)
    if len(found) > WORDS_MAX:
        raise SearchError(f"a search has at most {WORDS_MAX} words")
    return list(found.values())


def is_in(folded: Iterable[str], text: str) -> bool:
    """Tell whether a text holds all folded phrases; words may be beginnings of longer ones."""
    tokens = fold(text)
    return all(phrase in tokens for phrase in folded)


def fold(text: str) -> str:
    """Return the words of a text without case and diacritics, each after a space.

    A substring that begins with a space begins a word.
    """
    plain = "".join(char for char in normalized("NFD", text) if category(char) != "Mn").lower()
    return "".join(f" {token}" for token in _TOKEN.findall(plain))
