"""A line that is edited key by key, with history and completion, and drawn in one row. Pure."""

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wcwidth import wcwidth

PROMPT = "> "

LINE_CHARS = 4096
"""Characters of a line; more are not taken."""

HISTORY_LINES = 500

CANDIDATES_SHOWN = 20

_ERASE_ROW = "\r\x1b[K"

_SEQUENCE_CHARS = 64
"""Characters of an escape sequence that has not ended yet; a longer one is dropped."""

_KEY = re.compile(r"\x1b\[\[[A-E]|\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\[O]|.", re.DOTALL)
_UNFINISHED = re.compile(r"\x1b(?:\[\[?[0-?]*[ -/]*|O)?\Z")

_INVISIBLE_PARTS = "\u200c\u200d\ufe0e\ufe0f"
"""Not printable by Python's judgement, but parts of emoji and of some scripts."""


class CompletedWord(NamedTuple):
    """A completion of a word, and the text shown beside it where there are several."""

    word: str
    label: str = ""


Complete = Callable[[str], Sequence[CompletedWord]]
"""Returns the completions of the last word before the cursor, given the text up to there."""


class Keys:
    """Decodes the bytes of a terminal into keys: characters and escape sequences, each whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that the next bytes complete. A lone Esc waits for the byte after it."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        if unfinished := _UNFINISHED.search(text):
            text, self._rest = text[: unfinished.start()], unfinished[0][:_SEQUENCE_CHARS]
        return _KEY.findall(text)


@dataclass(frozen=True, slots=True)
class Entered:
    """Enter was pressed."""

    line: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Tab was pressed, and there are several completions: the rows to show."""

    rows: list[str]


class LineEditor:
    """The line, its cursor (an index into it) and the lines before it."""

    def __init__(self, complete: Complete = lambda _before: ()) -> None:
        self.text = ""
        self.cursor = 0
        self._complete = complete
        self._history: deque[str] = deque(maxlen=HISTORY_LINES)
        self._back = 0
        """Lines back in the history; 0 is the line that is being typed."""
        self._draft = ""

    def press(self, key: str) -> Entered | Offered | None:
        """Apply a key. An unknown one does nothing."""
        if key in ("\r", "\n"):
            return self._enter()
        if key == "\t":
            return self._tab()
        if edit := _EDITS.get(key):
            edit(self)
        elif key.isprintable() or key in _INVISIBLE_PARTS:
            self._insert(key)
        return None

    def row(self, columns: int) -> str:
        """Draw prompt and line in one row of a terminal, scrolled so that the cursor is in it."""
        room = max(columns - len(PROMPT) - 1, 1)  # in the last column some terminals wrap at once, others later
        before = _fitting(reversed(self.text[: self.cursor]), room)[::-1]
        after = _fitting(iter(self.text[self.cursor :]), room - _width(before))
        return f"{_ERASE_ROW}{PROMPT}{before}{after}\r\x1b[{len(PROMPT) + _width(before)}C"

    def _enter(self) -> Entered:
        line = self.text
        if line.strip() and (not self._history or self._history[-1] != line):
            self._history.append(line)
        self._show("")
        self._back = 0
        return Entered(line)

    def _tab(self) -> Offered | None:
        before = self.text[: self.cursor]
        typed = before.rpartition(" ")[2]
        found = self._complete(before)
        common = _common_beginning([candidate.word for candidate in found])
        if len(found) == 1:
            self._replace(typed, f"{common} ")
        elif len(common) > len(typed) and common.startswith(typed):
            self._replace(typed, common)
        elif found:
            rows = [f"{candidate.word}  {candidate.label}".rstrip() for candidate in found[:CANDIDATES_SHOWN]]
            return Offered([*rows, f"and {len(found) - len(rows)} more"] if len(found) > len(rows) else rows)
        return None

    def _replace(self, typed: str, word: str) -> None:
        start = self.cursor - len(typed)
        self._cut(start, self.cursor)
        self._insert(word)

    def _insert(self, text: str) -> None:
        if len(self.text) + len(text) <= LINE_CHARS:
            self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
            self.cursor += len(text)

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _show(self, text: str) -> None:
        self.text, self.cursor = text, len(text)

    def _recall(self, step: int) -> None:
        """Go back (1) or forth (-1) in the history, whose end is the line being typed."""
        back = self._back + step
        if not 0 <= back <= len(self._history):
            return
        if not self._back:
            self._draft = self.text
        self._back = back
        self._show(self._history[-back] if back else self._draft)

    def _left(self) -> int:
        """Return the index before the character left of the cursor and its marks."""
        index = self.cursor
        while index and wcwidth(self.text[index - 1]) == 0:
            index -= 1
        return max(index - 1, 0)

    def _right(self) -> int:
        index = min(self.cursor + 1, len(self.text))
        while index < len(self.text) and wcwidth(self.text[index]) == 0:
            index += 1
        return index

    def _word_left(self) -> int:
        return len(re.sub(r"\S+\s*\Z|\s+\Z", "", self.text[: self.cursor]))

    def _word_right(self) -> int:
        found = re.compile(r"\s*\S*").match(self.text, self.cursor)
        return found.end() if found else self.cursor

    def _move(self, index: int) -> None:
        self.cursor = index


def _common_beginning(words: Sequence[str]) -> str:
    first, last = min(words, default=""), max(words, default="")
    end = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:end]


def _fitting(chars: Iterator[str], room: int) -> str:
    """Return the first characters, as many as fit into `room` columns."""
    taken = []
    for char in chars:
        room -= max(wcwidth(char), 0)
        if room < 0:
            break
        taken.append(char)
    return "".join(taken)


def _width(text: str) -> int:
    return sum(max(wcwidth(char), 0) for char in text)


def _bound(edit: Callable[[LineEditor], None], *keys: str) -> dict[str, Callable[[LineEditor], None]]:
    return dict.fromkeys(keys, edit)


# The names are those of xterm, of the Linux console, of rxvt and of cursor keys in application mode.
_EDITS = {
    **_bound(lambda it: it._move(0), "\x01", "\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"),
    **_bound(lambda it: it._move(len(it.text)), "\x05", "\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"),
    **_bound(lambda it: it._move(it._left()), "\x02", "\x1b[D", "\x1bOD"),
    **_bound(lambda it: it._move(it._right()), "\x06", "\x1b[C", "\x1bOC"),
    **_bound(lambda it: it._move(it._word_left()), "\x1bb", "\x1b[1;5D", "\x1b[1;3D", "\x1bOd"),
    **_bound(lambda it: it._move(it._word_right()), "\x1bf", "\x1b[1;5C", "\x1b[1;3C", "\x1bOc"),
    **_bound(lambda it: it._recall(1), "\x10", "\x1b[A", "\x1bOA"),
    **_bound(lambda it: it._recall(-1), "\x0e", "\x1b[B", "\x1bOB"),
    **_bound(lambda it: it._cut(it._left(), it.cursor), "\x7f", "\b"),
    **_bound(lambda it: it._cut(it.cursor, it._right()), "\x04", "\x1b[3~"),
    **_bound(lambda it: it._cut(0, it.cursor), "\x15"),
    **_bound(lambda it: it._cut(it.cursor, len(it.text)), "\x0b"),
    **_bound(lambda it: it._cut(it._word_left(), it.cursor), "\x17", "\x1b\x7f", "\x1b\b"),
}
