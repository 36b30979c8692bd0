"""Questions about names: what is asked one line after the other, until a name can be proven or claimed. Pure."""

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
class Ask:
    """A question whose answer is the next line.

    `what` is the request that it belongs to and `name` the name that this is about, "" where the answer is the name.
    `code` is that of an invite, and `first` the answer that has to come once more.
    """

    what: Literal["register", "login", "password", "invite"]
    name: str
    code: str = field(default="", repr=False)
    first: str = field(default="", repr=False)

    @property
    def is_secret(self) -> bool:
        """True if the answer is not to be shown."""
        return bool(self.name)

    def question(self, shown: str = "") -> str:
        """Return the question. `shown` is one of the hints of this module, where the answer is not hidden."""
        if not self.name:
            return "the name that you want:"
        if self.first:
            return f"the same password again{shown}:"
        return f"password for [{self.name}]{shown}:"

    def again(self, code: str) -> "Ask | None":
        """Return the question to ask once more after an answer that got an error with this code, if there is one.

        The next line could be another try, and must not be said.
        """
        if self.is_secret and code in _WRONG_PASSWORD:
            return replace(self, first="")
        if self.what == "invite" and code in _WRONG_NAME:
            return replace(self, name="", first="")
        return None

    def then(self, answer: str) -> "Ask | None":
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


def answers_to(request: NameRequest) -> int:
    """Return the number of lines that a program may send ahead as answers, to be asked for passwords."""
    match request.what:
        case "register" | "password" if not request.secret:
            return 2
        case "login" if not request.secret:
            return 1
        case "invite":
            return 3
    return 0
