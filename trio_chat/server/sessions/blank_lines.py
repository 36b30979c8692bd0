"""Blank lines inside a paste over `nc`: they are said with the line after them."""


class BlankLines:
    """Counts blank lines since the text that was said last, within one read.

    A blank line alone, or at the end of a read, is the Enter key, pressed to say nothing.
    """

    __slots__ = ("_follows_text", "count")

    def __init__(self) -> None:
        self.count = 0
        """Blank lines to be said before the next text."""
        self._follows_text = False

    def forget(self) -> None:
        """Forget what came before: another read begins, or something that is no text came between."""
        self._follows_text, self.count = False, 0

    def add(self) -> None:
        """Count a blank line."""
        self.count += self._follows_text

    def take(self) -> int:
        """Return the number of blank lines that are said before a text, which is said now."""
        count, self.count, self._follows_text = self.count, 0, True
        return count
