"""Blank lines inside a paste over `nc`: they are said with the line after them."""

from trio_chat.chat.answers import Answer, Posted
from trio_chat.chat.command_table import command_in
from trio_chat.chat.commands import COMMANDS
from trio_chat.chat.typed_line import as_seen
from trio_chat.wire.lines import LineFault


class BlankLines:
    """Counts blank lines since the line that was said last, within one read.

    A blank line alone, or at the end of a read, is the Enter key, pressed to say nothing.
    """

    __slots__ = ("_said", "count")

    def __init__(self) -> None:
        self.count = 0
        """Blank lines to be said before the next line."""
        self._said: str | None = None

    def begin_read(self) -> None:
        """Forget the lines that came before."""
        self._said, self.count = None, 0

    def record(self, line: str | LineFault, answer: Answer) -> None:
        """Record a line of this read, and its answer."""
        if isinstance(answer, Posted) and isinstance(line, str):
            self._said, self.count = line, 0
        elif self._is_inside(line):
            self.count += 1
        else:
            self.begin_read()

    def _is_inside(self, line: str | LineFault) -> bool:
        """Tell whether a line is blank and follows one that was said to the room."""
        if self._said is None or isinstance(line, LineFault) or as_seen(line).strip():
            return False
        return bool(self.count) or command_in(self._said, COMMANDS) is None
