"""Keys of a terminal, with pastes recognised even where the terminal does not mark them.

A terminal without bracketed paste sends a paste as keys. Escape sequences among text are no keys then, but part of it.
Many lines at once, commands among them, were not typed: they become one paste, a draft for the person to look at.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TextIO

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

from trio_chat.chat.typed_line import read_line
from trio_chat.client.line_view.key_spellings import as_xterm_sends
from trio_chat.client.transcript.marked_pastes import MarkedPastes

LINES_TYPED_MAX = 3
"""Lines in one burst of keys that may have been typed ahead, commands included. More are a paste."""

PASTE_GAP_S = 0.1
"""A burst with a line break belongs to the paste before it if no more time than this has passed."""

_READ_BYTES = 1024
_READS_MAX = 64
_ENTER = (Keys.ControlM, Keys.ControlJ)
_ALWAYS_KEYS = (Keys.ControlC, Keys.BracketedPaste)


class TerminalInput(Vt100Input):
    """Reads keys, and returns text that was not typed as keys of the kind `BracketedPaste`. Ctrl-C is always a key."""

    _pasted_at = float("-inf")
    _marks_pastes = False

    def __init__(self, stdin: TextIO, take_out: Callable[[str], str] = str) -> None:
        """`take_out` returns what was typed among what was read."""
        super().__init__(stdin)
        read, pastes = self.stdin_reader.read, MarkedPastes()
        self.stdin_reader.read = lambda count=_READ_BYTES: pastes.bounded(as_xterm_sends(take_out(read(count))))  # type: ignore[method-assign] # the one place that all keys come through
        self.last_key_at = time.time()
        """The time of the last key, in seconds since 1970."""

    def read_keys(self) -> list[KeyPress]:
        """Return the keys received so far."""
        keys: list[KeyPress] = []
        for _ in range(_READS_MAX):
            some = super().read_keys()
            keys += some
            if not some:
                break
        if keys:
            self.last_key_at = time.time()
        if self._is_paste(keys):
            self._pasted_at = time.monotonic()
            return list(_with_pastes(keys, _ALWAYS_KEYS, lambda _keys: True))
        keys = list(_with_pastes(keys, (*_ALWAYS_KEYS, *_ENTER), _is_text))
        # Mouse reports are not enabled: what looks like one, such as `ESC [ 31 m`, came with text.
        return [press for press in keys if press.key is not Keys.Vt100MouseEvent]

    def _is_paste(self, keys: Sequence[KeyPress]) -> bool:
        """Tell whether a burst of keys is lines that were pasted, and must not be obeyed."""
        self._marks_pastes |= any(press.key is Keys.BracketedPaste for press in keys)
        if self._marks_pastes:
            return False
        count = sum(press.key in _ENTER for press in keys)
        if count and len(keys) > 1 and time.monotonic() - self._pasted_at < PASTE_GAP_S:
            return True
        return count > LINES_TYPED_MAX and any(map(_is_command, _text_of(keys).split("\r")))


def _is_text(keys: Sequence[KeyPress]) -> bool:
    """Tell whether keys are a text with escape sequences. Escape before one letter is Alt with it."""
    stray = sum(press.key in (Keys.Escape, Keys.Vt100MouseEvent) for press in keys)
    letters = sum(len(press.key) == 1 for press in keys)
    return stray > 0 and letters >= stray + 2


def _is_command(line: str) -> bool:
    typed = read_line(line)
    return typed.is_quit or bool(typed.command)


def _with_pastes(
    keys: Sequence[KeyPress], between: Sequence[Keys], is_paste: Callable[[Sequence[KeyPress]], bool]
) -> Iterator[KeyPress]:
    """Join the keys of a paste; those that stay keys part them."""
    for is_key, group in groupby(keys, lambda press: press.key in between):
        some = list(group)
        if is_key or not is_paste(some):
            yield from some
        else:
            yield KeyPress(Keys.BracketedPaste, _text_of(some))


def _text_of(keys: Sequence[KeyPress]) -> str:
    return "".join(press.data for press in keys).replace("\r\n", "\n").replace("\n", "\r")
