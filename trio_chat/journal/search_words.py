"""What it means that a text holds words: the same for every journal."""

import re
from unicodedata import category, normalize

from trio_chat.chat.events import Kind

SEARCHED = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""What is searched."""

_TOKEN = re.compile(r"[^\W_]+")


def phrases(words: str) -> list[str]:
    """Part what somebody looks for into phrases, each to be found somewhere in a text.

    Spaces part phrases. Other signs part the words of one phrase: `can't` is `can` followed at once by `t`.
    """
    readable = "".join(char if char.isprintable() else " " for char in words)
    return [phrase for phrase in dict.fromkeys(readable.split()) if _TOKEN.search(phrase)]


def is_in(phrases: list[str], text: str) -> bool:
    """Whether a text holds all phrases: in any case, with or without diacritics, its words going on as they like."""
    tokens = _tokens(text)
    return all(_tokens(phrase) in tokens for phrase in phrases)


def _tokens(text: str) -> str:
    """Write the words of a text, each behind a space: what is found in that begins at the beginning of a word."""
    plain = "".join(char for char in normalize("NFD", text) if category(char) != "Mn").lower()
    return "".join(f" {token}" for token in _TOKEN.findall(plain))
