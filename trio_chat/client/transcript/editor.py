"""The editor of a draft: one or more lines, a cursor that moves by grapheme, undo, and what was cut. Pure."""

import re

from wcwidth import iter_graphemes

UNDO_MAX = 200
UNDO_CHARS_MAX = 2_000_000
"""Steps that can be undone, and the characters that they keep in all."""

_CLUSTER_CHARS_MAX = 64
"""Characters looked at for the grapheme beside the cursor."""

_WORD_AHEAD = re.compile(r"\W*\w+")
_WORD_BACK = re.compile(r"\w+\W*\Z|\W+\Z")
_BLANK_WORD_BACK = re.compile(r"\S+\s*\Z|\s+\Z")
_WORD_CHARS_MAX = 1024


class Editor:
    """A draft and its cursor, an index into the text."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.cursor = len(text)
        self.cut = ""
        """The text that was cut last, which `yank` puts back."""
        self._undo: list[tuple[str, int]] = []
        self._is_typing = False

    def set(self, text: str, cursor: int | None = None) -> None:
        """Replace the draft, as one step."""
        self._remember()
        self.text = text
        self.cursor = len(text) if cursor is None else min(max(cursor, 0), len(text))

    def insert(self, text: str, *, is_typed: bool = False) -> None:
        """Insert at the cursor. Letters that are typed in a row are one step."""
        if not (is_typed and self._is_typing):
            self._remember()
        self._is_typing = is_typed and not text.isspace()
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def undo(self) -> None:
        """Take back the last step."""
        self._is_typing = False
        if self._undo:
            self.text, self.cursor = self._undo.pop()

    # The cursor

    def left(self) -> None:
        """Move left by a grapheme."""
        self._move(self.cursor - self._cluster_before())

    def right(self) -> None:
        """Move right by a grapheme."""
        self._move(self.cursor + self._cluster_after())

    def word_left(self) -> None:
        """Move left to the beginning of a word."""
        self._move(self._word_start(_WORD_BACK))

    def word_right(self) -> None:
        """Move right to the end of a word."""
        self._move(self._word_end())

    def line_start(self) -> None:
        """Move to the beginning of the line."""
        self._move(self._line_start())

    def line_end(self) -> None:
        """Move to the end of the line."""
        self._move(self._line_end())

    def up(self) -> bool:
        """Move to the line above. -> False in the first line"""
        start = self._line_start()
        if not start:
            return False
        column = self.cursor - start
        above = self.text.rfind("\n", 0, start - 1) + 1
        self._move(min(above + column, start - 1))
        return True

    def down(self) -> bool:
        """Move to the line below. -> False in the last line"""
        end = self._line_end()
        if end == len(self.text):
            return False
        column = self.cursor - self._line_start()
        below = self.text.find("\n", end + 1)
        self._move(min(end + 1 + column, len(self.text) if below < 0 else below))
        return True

    # Deleting

    def delete_left(self) -> None:
        """Delete the grapheme before the cursor."""
        self._delete(self.cursor - self._cluster_before(), self.cursor)

    def delete_right(self) -> None:
        """Delete the grapheme after the cursor."""
        self._delete(self.cursor, self.cursor + self._cluster_after())

    def cut_word_left(self) -> None:
        """Cut what is before the cursor, back to a blank."""
        self._cut(self._word_start(_BLANK_WORD_BACK), self.cursor)

    def cut_name_left(self) -> None:
        """Cut what is before the cursor, back to the beginning of a word."""
        self._cut(self._word_start(_WORD_BACK), self.cursor)

    def cut_word_right(self) -> None:
        """Cut the word after the cursor."""
        self._cut(self.cursor, self._word_end())

    def cut_to_end(self) -> None:
        """Cut the rest of the line; at its end, the line break."""
        end = self._line_end()
        self._cut(self.cursor, end if end > self.cursor else min(end + 1, len(self.text)))

    def cut_all(self) -> None:
        """Cut the whole draft, as a terminal's own line editing does."""
        self._cut(0, len(self.text))

    def yank(self) -> None:
        """Insert what was cut last."""
        if self.cut:
            self.insert(self.cut)

    def swap(self) -> None:
        """Swap the graphemes on both sides of the cursor, and move on."""
        if self.cursor == self._line_end():
            self.left()
        before, after = self._cluster_before(), self._cluster_after()
        if not before or not after or self.cursor == self._line_start():
            return
        at = self.cursor
        swapped = self.text[at : at + after] + self.text[at - before : at]
        self.set(self.text[: at - before] + swapped + self.text[at + after :], at + after)

    def _move(self, cursor: int) -> None:
        self.cursor, self._is_typing = min(max(cursor, 0), len(self.text)), False

    def _remember(self) -> None:
        self._is_typing = False
        self._undo.append((self.text, self.cursor))
        while len(self._undo) > UNDO_MAX or (
            len(self._undo) > 1 and sum(len(text) for text, _ in self._undo) > UNDO_CHARS_MAX
        ):
            del self._undo[0]

    def _delete(self, start: int, stop: int) -> None:
        if start < stop:
            self.set(self.text[:start] + self.text[stop:], start)

    def _cut(self, start: int, stop: int) -> None:
        if start < stop:
            self.cut = self.text[start:stop]
            self._delete(start, stop)

    def _cluster_before(self) -> int:
        """Return the number of characters of the grapheme before the cursor."""
        head = self.text[max(self.cursor - _CLUSTER_CHARS_MAX, 0) : self.cursor]
        if not head:
            return 0
        if head[-1].isascii():
            return 1
        *_, cluster = iter_graphemes(head)
        return len(cluster)

    def _cluster_after(self) -> int:
        """Return the number of characters of the grapheme after the cursor."""
        tail = self.text[self.cursor : self.cursor + _CLUSTER_CHARS_MAX]
        return len(next(iter_graphemes(tail), ""))

    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.cursor) + 1

    def _line_end(self) -> int:
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    def _word_start(self, pattern: re.Pattern[str]) -> int:
        head = self.text[max(self.cursor - _WORD_CHARS_MAX, 0) : self.cursor]
        found = pattern.search(head)
        return self.cursor - len(found[0]) if found else 0

    def _word_end(self) -> int:
        found = _WORD_AHEAD.match(self.text[self.cursor : self.cursor + _WORD_CHARS_MAX])
        return self.cursor + len(found[0]) if found else len(self.text)
