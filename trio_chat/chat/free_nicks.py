"""Free nicks: those that a guest may take, and the refusals of all others."""

from collections.abc import Callable

from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Dependencies, NamesMode
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick, fold_name, guest_name
from trio_chat.chat.register import Register
from trio_chat.chat.wording import claimed_by_another


class FreeNicks:
    """Refuses nicks that belong to somebody, to a program, or to somebody who is here."""

    def __init__(self, deps: Dependencies, register: Register, mode: Callable[[], NamesMode]) -> None:
        self._deps = deps
        self._register = register
        self._mode = mode
        self.reserved: set[str] = set()
        """Nicks that no client may take, folded: those of programs that operators let speak."""

    def for_guest(self, text: str) -> str:
        """Return the nick that a guest gets who asks for this one, which may be that of somebody who is here.

        Where the rules keep other names for members, it becomes one of a guest. Raises ChatError where it is malformed,
        and where it belongs to somebody.
        """
        nick = check_nick(text)
        self._check_is_unclaimed(nick)  # whoever it belongs to is told how to prove it
        return self._as_guest(nick)

    def to_claim(self, client: Client, text: str) -> str:
        """Return the nick that a client would get on all nodes; "" where that is refused, or needs no claim."""
        try:
            nick = check_nick(text)
        except ChatError:
            return ""
        if client.account or not self._deps.nodes.name:
            return ""
        nick = self._as_guest(nick)
        return "" if nick == client.nick else nick

    def check_may_be_taken(self, nick: str) -> None:
        """Raise ChatError where a nick is reserved for a program, or belongs to somebody."""
        if fold_name(nick) in self.reserved:
            raise ChatError("reserved-nick", f"the nick {nick} is reserved for a program that speaks under it")
        self._check_is_unclaimed(nick)

    def check_is_free(self, nick: str) -> None:
        """Raise ChatError where somebody has a nick, or has claimed it."""
        self._check_is_unclaimed(nick)
        if self._register.owner_of(nick) or self._deps.nodes.clients.called(nick):
            raise ChatError("nick-taken", f"the nick {nick} is taken by somebody who is here")

    def _as_guest(self, nick: str) -> str:
        return nick if self._mode() == "open" else guest_name(nick)

    def _check_is_unclaimed(self, nick: str) -> None:
        if owner := self._deps.owner_of(nick):
            raise ChatError("name-claimed", claimed_by_another(owner.name))
        if self._deps.is_being_claimed(nick):
            raise ChatError("nick-taken", f"somebody is claiming the nick {nick} just now")
