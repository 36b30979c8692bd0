"""The places of accounts: the clients that have proven whose they are. All places of an account are one person."""

from collections.abc import Callable, Sequence

from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Dependencies
from trio_chat.chat.directory import Directory
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Kind, Receipt, person_of
from trio_chat.chat.notices import Notices
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.register import Register
from trio_chat.chat.rooms import Rooms
from trio_chat.chat.waiting import WaitingMessages

PLACES_MAX = 20
"""Places of one account: each has rooms of its own."""


class Places:
    """Lets clients become places of accounts, and ends places."""

    def __init__(
        self,
        deps: Dependencies,
        register: Register,
        directory: Directory,
        rooms: Rooms,
        notices: Notices,
        waiting: WaitingMessages,
        *,
        end: Callable[[Client, Kind, CloseReason, str], None],
    ) -> None:
        """`end` ends a client: its rooms are told by a notice of this kind, the client the reason and the text."""
        self._deps = deps
        self._register = register
        self._directory = directory
        self._rooms = rooms
        self._notices = notices
        self._waiting = waiting
        self._end = end

    def of(self, account: str) -> Sequence[Client]:
        """Return the places of an account, those of other nodes too."""
        return self._directory.places(account)

    def enter_as(self, client: Client, account: str, name: str, proven_by: str) -> Receipt | None:
        """Make a client a place of an account, whose name it has from now on.

        -> the receipt of its record and of what its rooms are told; None where it was one already

        A guest who has the name is disconnected. Raises ChatError for a place of another account, where there are too
        many places, and for a client that is gone.
        """
        self._directory.check_is_here(client)
        self.note_arrival(account)
        if client.account:
            _check_account(client, account)
            client.proven_by = proven_by
            return None
        self._make_way(account)
        self.evict_guest(name, unless=client)
        holder = self._register.owner_of(name)
        if holder and holder is not client and holder.account != account:
            raise ChatError("nick-taken", f"the nick {name} is taken by somebody who is here")
        person, former = person_of(account), client.label
        self._notices.tell_guest_and_person(client, person)
        self._notices.clear_label(name, person)
        before = self._directory.rooms_of(account)
        client.leave_mailbox()
        self._register.enter_account(client, account, name)
        client.proven_by, client.label = proven_by, name
        for room in client.members:
            room.identify(client)
            self._deps.on_room(account, room.name, True)
        self._rooms.open_mailbox(client)
        notices = self._notices.become_member(client, former, before)
        client.departure_receipt = self._notices.post_change(client, *notices)
        return client.departure_receipt

    def evict_guest(self, name: str, *, unless: Client | None = None) -> None:
        """Disconnect the guest who has a name that belongs to somebody now. Its rooms are told that it left.

        Every node does so with its own, once it reads of the name: another may not know yet that a guest has claimed
        it.
        """
        guest = self._register.owner_of(name)
        if guest and guest is not unless and not guest.account:
            text = f"the name [{name}] belongs to somebody now: join under another"
            self._end(guest, Kind.LEFT, CloseReason.UNPROVEN, text)

    def end(self, account: str, text: str, *, proven_by: str = "") -> int:
        """End the places of an account, or those with this proof alone. -> how many. `text` tells them why.

        Those restored after a restart, whose proof is not known, are ended in any case.
        """
        ended = [it for it in self.of(account) if not proven_by or it.proven_by in ("", proven_by)]
        for place in ended:
            self._end(place, Kind.LEFT, CloseReason.UNPROVEN, text)
        return len(ended)

    def note_arrival(self, account: str) -> None:
        """Note that a member has come, who is shown all messages that waited. Other nodes are told."""
        self._waiting.forget(account)
        self._deps.nodes.announce_arrival(account)

    def forget_waiting(self, account: str) -> None:
        """Count no more messages that wait for an account: it was removed, or its owner is on another node."""
        self._waiting.forget(account)

    def _make_way(self, account: str) -> None:
        """End the place that is longest away where an account has too many. Raises ChatError where none is away."""
        places = self._register.places(account)
        if len(places) < PLACES_MAX:
            return
        away = [place for place in places if place.away_since is not None]
        if not away:
            raise ChatError("too-many-places", f"[{places[0].shown}] is here {PLACES_MAX} times already: leave once")
        longest_away = min(away, key=lambda place: place.away_since or 0.0)
        self._end(longest_away, Kind.LEFT, CloseReason.UNPROVEN, "")


def _check_account(client: Client, account: str) -> None:
    """Raise ChatError for a place that proves another account than its own."""
    if account != client.account:
        raise ChatError("name-kept", f"you are [{client.shown}] here: connect again to be somebody else")
