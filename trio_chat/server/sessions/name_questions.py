"""Questions about names, asked one after the other until a name can be proven or claimed. Pure."""

from dataclasses import dataclass, field, replace
from typing import Literal

from trio_chat.chat.answers import NameRequest
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick

SHOWN = " (it is shown as you type)"
MAYBE_SHOWN = " (it may be shown as you type)"
DROPPED = "what came with that was not said: it may be a password"
TAKEN_BACK = "nothing was changed"

_WRONG_PASSWORD = frozenset(("proof", "bad-password", "slow-down"))
_WRONG_NAME = frozenset(("bad-nick", "reserved-nick", "name-claimed", "nick-taken"))
"""Codes of the errors after which a password, or the name for an invite, is asked for again."""


@dataclass(frozen=True, slots=True)
class NameQuestion:
    """A question whose answer is the next line.

    `what` is the request that it belongs to and `name` the name that it is about, "" where the answer is the name.
    `code` is that of an invite, and `first` the new password that has to be typed once more.
    """

    what: Literal["register", "login", "password", "invite"]
    name: str
    code: str = field(default="", repr=False)
    first: str = field(default="", repr=False)

    @property
    def is_secret(self) -> bool:
        """True if the answer is not to be shown."""
        return bool(self.name)

    def text(self, shown: str = "") -> str:
        """Return the question. `shown` is one of the hints of this module, where the answer is not hidden."""
        if not self.name:
            return "the name that you want:"
        if self.first:
            return f"the same password again{shown}:"
        return f"password for [{self.name}]{shown}:"

    def retry_after(self, code: str) -> "NameQuestion | None":
        """Return the question to ask once more after an answer that got an error with this code, if there is one.

        The next line could be another try, and must not be said.
        """
        if self.is_secret and code in _WRONG_PASSWORD:
            return replace(self, first="")
        if self.what == "invite" and code in _WRONG_NAME:
            return replace(self, name="", first="")
        return None

    def next_after(self, answer: str) -> "NameQuestion | None":
        """Return the question that follows an answer; None where that was the last. Raises ChatError."""
        if not self.name:
            return replace(self, name=check_nick(answer))
        if self.what == "login":
            return None
        if not self.first:
            return replace(self, first=answer)
        if self.first != answer:
            raise ChatError("bad-password", "these were two passwords")
        return None


def answer_count(request: NameRequest) -> int:
    """Return the number of questions that a request leads to: a program may send as many answers ahead."""
    match request.what:
        case "register" | "password" if not request.secret:
            return 2
        case "login" if not request.secret:
            return 1
        case "invite":
            return 3
    return 0
