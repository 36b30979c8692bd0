"""The meaning of a search: the same for all engines."""

import re
from unicodedata import category

from trio_chat.chat.events import Kind
from trio_chat.chat.normalization import normalized

SEARCHED = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""The kinds of entries that are searched."""

_TOKEN = re.compile(r"[^\W_]+")


def phrases(words: str) -> list[str]:
    """Split a query into phrases, each of which has to be somewhere in a text.

    Spaces separate phrases. Other signs separate the words of one phrase: `can't` is `can` followed at once by `t`.
    """
    readable = "".join(char if char.isprintable() else " " for char in words)
    return [phrase for phrase in dict.fromkeys(readable.split()) if _TOKEN.search(phrase)]


def is_in(phrases: list[str], text: str) -> bool:
    """Tell whether a text holds all phrases, ignoring case and diacritics; words may be beginnings of longer ones."""
    tokens = _tokens(text)
    return all(_tokens(phrase) in tokens for phrase in phrases)


def _tokens(text: str) -> str:
    """Return the words of a text, each after a space: a substring that begins with a space begins a word."""
    plain = "".join(char for char in normalized("NFD", text) if category(char) != "Mn").lower()
    return "".join(f" {token}" for token in _TOKEN.findall(plain))
