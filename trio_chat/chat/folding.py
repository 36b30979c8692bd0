"""Folding of texts for comparing words: without case, width, and the marks that a reader does without. Pure.

Separators of any script become spaces, and signs that are no letters, such as emoji, get spaces around them. What
Python's version of Unicode does not know is such a sign: it may be an emoji of next year.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from unicodedata import category, decimal

from trio_chat.chat.normalization import is_mark, normalized
from trio_chat.chat.text import HIDDEN, JOINERS, TEXT_MAX

FOLDED_MAX = 2 * TEXT_MAX
"""Characters of a folded text that are looked at: a sign may unfold into 18 letters, and an imported line be longer."""

# Scripts without spaces between words, and Korean, whose particles and compounds have none. Without their punctuation.
_UNSPACED_RANGES = (
    *((0x0E01, 0x0E3A), (0x0E40, 0x0E4E)),  # Thai
    *((0x0E81, 0x0ECE), (0x0EDC, 0x0EDF)),  # Lao
    *((0x1000, 0x1049), (0x1050, 0x109D), (0xA9E0, 0xA9FE), (0xAA60, 0xAA76), (0xAA7A, 0xAA7F)),  # Myanmar
    *((0x1780, 0x17D3), (0x17D7, 0x17D7), (0x17DC, 0x17DD)),  # Khmer
    *((0x1950, 0x1974), (0x1980, 0x19C9), (0x1A20, 0x1A7F), (0xAA80, 0xAADD)),  # Tai scripts
    *((0x1100, 0x11FF), (0xA960, 0xA97F), (0xAC00, 0xD7FB)),  # Hangul
    *((0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x302F), (0x3031, 0x3035), (0x3038, 0x303C)),  # Han
    *((0x3041, 0x309A), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF)),  # kana
    *((0x3105, 0x312F), (0x31A0, 0x31BF)),  # Bopomofo
    *((0x3400, 0x4DBF), (0x4E00, 0xA48C), (0xF900, 0xFAFF)),  # Han, and Yi behind it
    *((0x16FE3, 0x18D7F), (0x1AFF0, 0x1B2FF), (0x20000, 0x3FFFD)),  # Khitan, Tangut, older kana, Nushu, more Han
)
UNSPACED = "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSPACED_RANGES)
"""The characters of scripts without spaces, those that Unicode has not assigned yet too: the inside of brackets."""

_IGNORED = re.compile(f"[{HIDDEN}{JOINERS}\u0640]+")  # the last stretches Arabic words

# UAX #44: combining marks that a reader does without. Those that make another letter of Cyrillic stay, as do kana's.
_MARKS = re.compile(
    "(?<![\u0438\u0443])\u0306|(?<!\u0456)\u0308|(?<![\u0433\u043a])\u0301"
    "|[\u0300\u0302-\u0305\u0307\u0309-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4"
    "\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u08ca-\u08e1\u08e3-\u08ff]"
)
# Letters with a stroke have no decomposition; the others are one letter in the Arabic of different keyboards.
_ALIKE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u02bb": "'", "\u02bc": "'", "\u2044": "/"}
)
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")

# Hangul, whose letters join into syllables: conjoining, compatible and halfwidth ones.
_JAMO = re.compile("[\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\ud7b0-\ud7ff\uffa0-\uffdc]").match


@cache
def _odd() -> re.Pattern[str]:
    """A sign that is no letter and not in ASCII. Compiled at first use: it takes 2 ms of each start."""
    return re.compile(rf"[^\w\s\x00-\x7f{UNSPACED}]")


def fold(text: str) -> str:
    """Return the text that all spellings of it share, in which only letters, digits, marks and ASCII signs stay.

    Its time grows only with the length of the text.
    """
    if text.isascii():
        return text[:FOLDED_MAX].lower()
    folded = normalized("NFKD", _IGNORED.sub("", text[:FOLDED_MAX]))[:FOLDED_MAX].casefold()
    folded = _MARKS.sub("", normalized("NFKD", folded)).translate(_ALIKE)
    folded = normalized("NFC", folded)
    if odd := set(_odd().findall(folded)):
        folded = folded.translate({ord(char): _alone(char) for char in odd})
    return _FOREIGN_DIGIT.sub(lambda digit: str(decimal(digit[0])), folded)[:FOLDED_MAX]


class Alignment:
    """The folded text, and the stretch of the text that each stretch of it comes from."""

    def __init__(self, text: str) -> None:
        if text.isascii():
            self.folded = fold(text)
            self._ends: Sequence[int] = range(len(self.folded) + 1)
            self._folded_ends: Sequence[int] = self._ends
        else:
            self._align(text)

    def stretch(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end in the text for those in the folded text."""
        first = bisect_right(self._folded_ends, start) - 1
        last = bisect_left(self._folded_ends, end)
        return self._ends[first], self._ends[last]

    def _align(self, text: str) -> None:
        pieces, ends, folded_ends = [], [0], [0]
        for end, folded in _folded_clusters(text):
            pieces.append(folded)
            ends.append(end)
            folded_ends.append(folded_ends[-1] + len(folded))
            if folded_ends[-1] >= FOLDED_MAX:
                break
        self.folded = "".join(pieces)[:FOLDED_MAX]
        self._ends, self._folded_ends = ends, folded_ends


def _alone(char: str) -> str:
    """Return what a character that is neither a letter nor a digit stands for in a folded text."""
    kind = category(char)[0]
    if kind == "M":
        return char
    return f" {char} " if kind == "S" or category(char) in ("Cn", "Co") else " "


def _folded_clusters(text: str) -> Iterator[tuple[int, str]]:
    """Yield the end of each stretch of a text that folds by itself, and what it folds to."""
    start = 0
    for end, char in enumerate(text[1:], 1):
        if char.isascii() or not (is_mark(char) or _IGNORED.match(char) or _JAMO(char)):
            yield end, fold(text[start:end])
            start = end
    yield len(text), fold(text[start:])
