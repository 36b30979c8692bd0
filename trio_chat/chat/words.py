"""The words of a text: what a search compares, what it marks, and how a name is found in what was said. Pure.

Words are folded, so that spellings of one word are equal. Characters of scripts without spaces give overlapping pairs,
and the last of a run comes alone too: so each stretch of them is a sequence of words, and one of them the beginning of
a word. Letters and digits beside each other are words of their own, and so is each sign that is no separator.

The words of the beginning of a text are the beginning of its words; only the last of them may be longer there.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from trio_chat.chat.folding import UNSPACED, Alignment, fold

VERSION = 1
"""To be raised with every change of the words of any text: what another version has indexed is indexed anew."""

WORD_MAX = 64
"""Characters of a word; the rest of a longer one is another word. Nobody types so many, and the index stays small."""

_BREAK = r"\x00-/:-@\[-`{-\x7f\s"  # ASCII but letters and digits; other separators are spaces in a folded text

_PARTS = re.compile(r"([0-9]+|[^0-9]+)([0-9]+|[^0-9]+)?(.+)?", re.DOTALL)
"""A word begins anew where digits follow letters, or letters digits, but twice only: hashes and UUIDs have many."""

_ASCII_WORD = re.compile("[a-z0-9]+")
_ASCII_SIGN = re.compile("[+#.]")


@cache
def _any_word() -> re.Pattern[str]:
    """The words of a text that has signs or more than ASCII. Compiled at first use: it takes 3 ms of each start."""
    return re.compile(
        rf"[{UNSPACED}]+"
        rf"|[^{_BREAK}{UNSPACED}]+"
        rf"|(?=[+#.])(?:"  # spares most characters the rest
        rf"(?<=[^{_BREAK}])\+\++"  # C++
        rf"|(?<![^{_BREAK}{UNSPACED}][a-z])(?<=[a-z])#"  # C#, but not PR#7
        rf"|(?<!\.)\.(?=[^{_BREAK}0-9])"  # .net, .env
        rf")"
    )


@cache
def _unspaced() -> re.Pattern[str]:
    """A character of a script without spaces. Compiled at first use, as `_any_word`."""
    return re.compile(f"[{UNSPACED}]")


class Word(NamedTuple):
    """A folded word, and its stretch of the folded text."""

    text: str
    start: int
    end: int


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order. The time that it takes grows only with the length of the text."""
    found: list[str] = []
    folded = fold(text)
    # Most texts are ASCII, without signs that may be words: these take a shortcut.
    pattern = _any_word() if not folded.isascii() or _ASCII_SIGN.search(folded) else _ASCII_WORD
    for run in pattern.findall(folded):
        if run.isascii() and (run.isalpha() or run.isdecimal()) and len(run) <= WORD_MAX:  # nearly all of them
            found.append(run)
        elif _unspaced().match(run):
            found += [run[start : start + 2] for start in range(len(run))]
        elif run.isalpha() and len(run) <= WORD_MAX:
            found.append(run)
        else:
            found += _cut(run)
    return found


def phrase(text: str) -> str:
    """Return what a text has to be, somewhere, to hold what somebody is looking for: words with a space between them.

    The last of them may be the beginning of a longer one. Empty where there is nothing to look for.
    """
    found = list(_located(fold(text)))
    if len(found) > 1 and found[-1].start < found[-2].end:  # the last of a run, which may go on where it is found
        found.pop()
    return " ".join(word.text for word in found)


def holds(text: str, phrases: Iterable[str]) -> bool:
    """Tell whether a text holds all phrases."""
    folded = fold(text)
    if not all(max(wanted.split(" "), key=len) in folded for wanted in phrases):  # spares most texts the rest
        return False
    joined = f" {' '.join(words(text))}"
    return all(f" {wanted}" in joined for wanted in phrases)


def matches(text: str, phrases: Iterable[str]) -> list[tuple[int, int]]:
    """Return start and end of each stretch of a text that is one of the phrases, in order, without overlaps.

    All of a word is in it, where the phrase ends with its beginning; of a run without spaces, what is in the phrase.
    """
    alignment = Alignment(text)
    located = list(_located(alignment.folded))
    found = (part for wanted in phrases for part in _occurrences(located, wanted.split(" ")))
    return _merged(alignment.stretch(*part) for part in found)


def calls(text: str, name: str) -> list[tuple[int, int]]:
    """Return start and end of each stretch of a text that is a name, not a part of a longer one.

    Beside characters of a script without spaces a name needs none either, unless it is one such character itself.
    """
    wanted = fold(name)
    if not wanted or wanted not in fold(text):  # a tenth of the cost of the rest
        return []
    alignment = Alignment(text)
    folded = alignment.folded
    found: list[tuple[int, int]] = []
    start = folded.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        around = folded[start - 1 : start] + folded[end : end + 1]
        if not any(_continues(char, wanted) for char in around):
            found.append(alignment.stretch(start, end))
        start = folded.find(wanted, end)
    return found


def tails(text: str, longest: int) -> Iterator[str]:
    """Yield the ends of a text that a name may begin at within a word, the longest first, of `longest` characters.

    It may begin behind a character of a script without spaces, and behind signs, but not in the midst of letters.
    """
    for start in range(max(1, len(text) - longest), len(text)):
        before, first = fold(text[start - 1]).strip()[-1:], fold(text[start]).strip()[:1]
        if first and not (before and _unspaced().match(before) is None and _continues(before, first)):
            yield text[start:]


def _continues(beside: str, name: str) -> bool:
    """Tell whether a character beside a name makes another word of it."""
    if _unspaced().match(beside):
        return len(name) == 1 and _unspaced().match(name) is not None
    return beside in "-_" or (beside.isalnum() and not _unspaced().search(name))


def _occurrences(located: list[Word], wanted: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of the folded text that are a phrase."""
    last = len(wanted) - 1
    for first in range(len(located) - last):
        end = located[first + last]
        if end.text.startswith(wanted[last]) and all(
            word == located[first + number].text for number, word in enumerate(wanted[:last])
        ):
            is_pair = _unspaced().match(end.text) is not None
            yield located[first].start, end.start + len(wanted[last]) if is_pair else end.end


def _merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            start, before = found.pop()
            end = max(end, before)
        found.append((start, end))
    return found


def _located(folded: str) -> Iterator[Word]:
    for run in _any_word().finditer(folded):
        if _unspaced().match(run[0]):
            for start in range(run.start(), run.end()):
                end = min(start + 2, run.end())
                yield Word(folded[start:end], start, end)
        else:
            start = run.start()
            for word in _cut(run[0]):
                yield Word(word, start, start + len(word))
                start += len(word)


def _cut(run: str) -> list[str]:
    """Cut letters and digits into words."""
    found = _PARTS.fullmatch(run)
    parts = [part for part in found.groups() if part] if found else []
    if len(run) <= WORD_MAX:
        return parts
    return [part[cut : cut + WORD_MAX] for part in parts for cut in range(0, len(part), WORD_MAX)]
