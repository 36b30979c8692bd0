"""A question at the prompt, and the line that answers it: the same in both views."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from trio_chat.chat.text import TEXT_MAX, clean
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX

CHOICES = "yne"
"""Send it, do not, edit it."""

NO_ANSWER = "no answer: type y, n or e, then Enter; what you typed is kept for after that"
PASTE_IS_NO_ANSWER = "a paste is no answer: type y, n or e, then Enter"

HELD_BACK = "not sent yet: it was typed before the server had answered"
HELD_DROPPED = "dropped: what you typed before the server had answered"

_HELD_LINES_MAX = 50
_SHOWN_MAX = 40


@dataclass(eq=False)
class PromptQuestion:
    """A question that stands in place of the prompt, until a line answers it.

    A key alone does not: it may be a letter of something that the person was typing when the question came.
    """

    text: str
    then: Callable[[str], None] = lambda _answer: None
    """Called with the answer."""
    choices: str = CHOICES
    """The letters, one of which is the answer; empty if any line is."""
    is_secret: bool = False
    """True if the line that answers it is not shown."""
    typed: str = field(default="", repr=False)
    """The line so far."""
    answer: str = field(default="", repr=False)
    answered: trio.Event = field(default_factory=trio.Event)

    def shown(self, *, hidden: str = "") -> str:
        """Return the question with the end of what was typed; for each letter of a secret stands `hidden`."""
        typed = hidden * len(self.typed) if self.is_secret else clean(self.typed)
        return f"{clean(self.text)} {typed[-_SHOWN_MAX:]}"

    def type(self, text: str) -> None:
        """Add what was typed; what would be longer than any line is left out."""
        if len(self.typed) + len(text) <= TEXT_MAX:
            self.typed += "".join(char for char in text if char.isprintable())

    def take(self) -> tuple[str | None, str]:
        """Take the line that was entered. -> the answer in it, None where it has none; and a line that is no answer"""
        typed, self.typed = self.typed, ""
        if not self.choices:
            return typed, ""
        letter = typed.strip().lower()
        return (letter, "") if len(letter) == 1 and letter in self.choices else (None, typed)


@dataclass(eq=False, kw_only=True)
class Hold(PromptQuestion):
    """Holds back what is typed behind a command that a password belongs to, until the server has answered that.

    The person may take it for the answer to a question for a password, which comes later or not at all: until that is
    known it is not shown, and goes nowhere.
    """

    text: str = "one moment (Ctrl-C goes on):"
    choices: str = ""
    is_secret: bool = True
    draft: str
    """The command, with the password if that was typed: never shown."""
    lines: list[str] = field(default_factory=list, repr=False)
    """The lines that were entered meanwhile."""

    @property
    def held(self) -> str:
        """All that was typed, as a draft."""
        return "\n".join(self.lines + [self.typed] * bool(self.typed))

    def type(self, text: str) -> None:
        """Add what was typed, or a paste with its line breaks."""
        if len(self.typed) + len(text) <= DRAFT_CHARS_MAX:
            self.typed += "".join(char for char in text if char.isprintable() or char == "\n")

    def take(self) -> tuple[str | None, str]:
        """Keep the line that was entered: it answers nothing. At a bound, Enter does nothing."""
        if len(self.lines) < _HELD_LINES_MAX:
            self.lines.append(self.typed)
            self.typed = ""
        return None, ""

    def replay(self, asked: Callable[[], PromptQuestion | None], enter: Callable[[PromptQuestion], None]) -> str:
        """Type what was held as answers to the questions that are `asked` now. -> what is left, as a draft"""
        while self.lines and (question := asked()):
            question.type(self.lines.pop(0))
            enter(question)
        if question := asked():
            question.type(self.typed)
            return ""
        return self.held
