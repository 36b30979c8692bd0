"""Breaking rows to the width of a pane: at words, and inside words that are wider than it. Pure.

Widths are counted by grapheme cluster, as terminals do: a family of emoji takes two columns, and is never cut.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from wcwidth import iter_graphemes, wcswidth

from trio_chat.client.transcript.rows import Part, Row, Style

_WORDS = re.compile(r"[^ ]+ *| +")


def width_of_text(text: str) -> int:
    """Return the columns that a clean text takes."""
    return len(text) if text.isascii() else sum(map(cluster_width, iter_graphemes(text)))


@lru_cache(maxsize=4096)
def cluster_width(cluster: str) -> int:
    """Return the columns of a grapheme cluster: at most 2."""
    return 1 if len(cluster) == 1 and cluster.isascii() else min(max(wcswidth(cluster), 0), 2)


def row_width(row: Row) -> int:
    """Return the columns that a row takes."""
    return sum(width_of_text(part.text) for part in row)


def break_row(row: Row, columns: int) -> list[Row]:
    """Break a row into rows of at most so many columns. There is always one."""
    text = "".join(part.text for part in row)
    if len(text) <= columns and text.isascii():
        return [row]
    row = row if text.isascii() else _with_whole_clusters(row, text)
    return list(_cut(row, _stretches(text, max(columns, 2))))


def fit_row(row: Row, columns: int, style: Style = Style.PLAIN) -> Row:
    """Cut a row to so many columns, or fill it up with blanks of a style."""
    left, parts = columns, []
    for part in row:
        text, used = _head(part.text, left)
        if text:
            parts.append(part.with_text(text))
        left -= used
        if len(text) < len(part.text):
            break
    if left > 0:
        parts.append(Part(" " * left, style))
    return tuple(parts)


def cut_with_mark(text: str, columns: int) -> str:
    """Cut a text to so many columns, with a mark where something is missing."""
    if len(text) <= columns and text.isascii():
        return text
    head, _ = _head(text, columns)
    if len(head) == len(text):
        return text
    return _head(text, columns - 1)[0] + "…" if columns > 0 else ""


def _head(text: str, columns: int) -> tuple[str, int]:
    """Return the longest beginning of a text that fits into so many columns, and its width."""
    if text.isascii():
        head = text[: max(columns, 0)]
        return head, len(head)
    used = end = 0
    for cluster in iter_graphemes(text):
        width = cluster_width(cluster)
        if used + width > columns:
            break
        used, end = used + width, end + len(cluster)
    return text[:end], used


def _with_whole_clusters(row: Row, text: str) -> Row:
    """Give each cluster to the part in which it begins: a terminal draws it whole, in one style."""
    if len(row) == 1:
        return row
    ends, at = [], 0
    for part in row:
        at += len(part.text)
        ends.append(at)
    texts, at, index = [""] * len(row), 0, 0
    for cluster in iter_graphemes(text):
        while at >= ends[index]:
            index += 1
        texts[index] += cluster
        at += len(cluster)
    return tuple(part.with_text(whole) for whole, part in zip(texts, row, strict=True) if whole)


def _stretches(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the text of each row, without the blanks at which it is broken."""
    start = used = 0
    for word in _WORDS.finditer(text):
        bare = word[0].rstrip(" ")
        width = width_of_text(bare)
        if used + width <= columns:
            used += width + len(word[0]) - len(bare)
            continue
        if used:
            yield start, max(len(text[: word.start()].rstrip(" ")), start)
            start, used = word.start(), 0
        if width > columns:
            *full, (start, used) = _pieces(bare, word.start(), columns)
            ends = [begin for begin, _ in full[1:]] + [start]
            yield from zip((begin for begin, _ in full), ends, strict=True)
            used += len(word[0]) - len(bare)
        else:
            used = len(word[0]) - len(bare) + width
    yield start, max(len(text.rstrip(" ")), start)


def _pieces(word: str, at: int, columns: int) -> list[tuple[int, int]]:
    """Cut a word that begins at an index into pieces of so many columns. -> start and width of each"""
    pieces, used = [(at, 0)], 0
    for cluster in iter_graphemes(word):
        width = cluster_width(cluster)
        if used + width > columns:
            pieces.append((at, 0))
            used = 0
        used += width
        at += len(cluster)
        pieces[-1] = (pieces[-1][0], used)
    return pieces


def _cut(row: Row, stretches: Iterable[tuple[int, int]]) -> Iterator[Row]:
    """Yield the parts of a row between two indices of its text each, in order."""
    index = at = 0
    for start, stop in stretches:
        parts = []
        while index < len(row):
            part = row[index]
            if text := part.text[max(start - at, 0) : max(stop - at, 0)]:
                parts.append(part.with_text(text))
            if at + len(part.text) > stop:
                break
            at += len(part.text)
            index += 1
        yield tuple(parts)
