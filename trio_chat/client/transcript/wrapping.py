"""Breaking rows at words, with what follows aligned behind the name. Pure.

A word that is longer than a row, such as an address, is left to the terminal: so it can be copied whole.
"""

import re
from collections.abc import Iterator
from functools import cache

from trio_chat.client.transcript.rows import Part, Row
from trio_chat.text_width import text_width

_WIDE = (
    "\u1100-\u115f\u2e80-\u2fff\u3001-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
    "\U00020000-\U0003fffd"
)
_CLOSING = "\u3001\u3002\u300d\u300f\u3011\uff01\uff09\uff0c\uff1a\uff1b\uff1f"
_INDENT_SHARE = 2
"""An indent takes at most one of so many parts of a row."""

_SMALL_INDENT = 2


def wrap(row: Row, columns: int) -> list[Row]:
    """Break a row into rows of so many columns."""
    text = "".join(part.text for part in row)
    if text_width(text) <= columns:
        return [row]
    indent = _indent_of(text, columns)
    margin = Part(" " * indent)
    first, *others = _stretches(text, columns, indent)
    return [tuple(_cut(row, *first)), *((margin, *_cut(row, *stretch)) for stretch in others)]


@cache
def _word() -> re.Pattern[str]:
    """Compile a word with the blanks before it. Each wide character is one: their scripts have no spaces."""
    return re.compile(rf" *(?:[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+)")


@cache
def _prefix() -> re.Pattern[str]:
    """Compile what stands before the text of a row. Compiled at the first row that is too long: it takes 4 ms."""
    return re.compile(
        r"  \S[^ ]*(?: [^ ]+)*  +"  # a command in the list of commands
        r"|(?:\d{4}-\d\d-\d\d )?(?:\d\d:\d\d )?(?:#\S{1,80} )?"
        r"(?:\[\S{1,80}?(?: -> \S{1,80}?)?\]> |\* \[\S{1,80}?\] |\*\*\* )?"
    )


def _indent_of(text: str, columns: int) -> int:
    found = _prefix().match(text)
    indent = text_width(found[0]) if found else 0
    return indent if indent * _INDENT_SHARE <= columns else min(_SMALL_INDENT, columns // _INDENT_SHARE)


def _stretches(text: str, columns: int, indent: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what stands in each row, without the blanks at which it is broken."""
    start = used = 0
    for word in _word().finditer(text):
        width = text_width(word[0])
        bare = word[0].lstrip(" ")
        bare_width = width - (len(word[0]) - len(bare))
        if used + width > columns and used > indent and indent + bare_width <= columns:
            yield start, word.start()
            start, used = word.end() - len(bare), indent + bare_width
        else:
            used += width
            if used > columns:  # a long word, which the terminal breaks
                used %= columns
    yield start, len(text)


def _cut(row: Row, start: int, end: int) -> Iterator[Part]:
    """Yield the parts of a stretch of a row."""
    at = 0
    for part in row:
        if text := part.text[max(start - at, 0) : max(end - at, 0)]:
            yield Part(text, part.style)
        at += len(part.text)
