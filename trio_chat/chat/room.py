"""Rooms and their members: a member ties a client to a room, with a cursor into its log."""

import sys
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from trio_chat.chat.cohort import Cohort
from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.log import Encode, Log, Mode, Track, Window
from trio_chat.chat.outlet import Outlet
from trio_chat.chat.window_budget import WindowBudget

NOT_LISTENING = sys.maxsize
"""The cursor of a member that still reads pages of history, or has left: it follows no log."""


REST_BYTES = 64 * 1024
"""Bytes at most that a leaving member is still sent of its room: entries between the last pass of the pump and its own
`left`. This is the only copy that is made for one client."""

_client_of = attrgetter("draft.client")


class Listener(Protocol):
    """A client, as rooms see it."""

    @property
    def id(self) -> str:
        """Its id, by which entries name it."""

    @property
    def mode(self) -> Mode:
        """Its wire format."""

    @property
    def label(self) -> str:
        """The name that others see."""

    @property
    def account(self) -> str:
        """The id of its account; "" for a guest."""

    @property
    def person(self) -> str:
        """The owner of the record that it shares with the other places of its account, and with nobody else."""

    @property
    def shown(self) -> str:
        """The label, with the mark of a proven name where it is one."""

    @property
    def outlet(self) -> Outlet:
        """The sending half of its connection."""

    @property
    def memberships(self) -> "Collection[Member]":
        """Its memberships: of rooms, and of its mailbox."""


class Member:
    """A client in a room: a cursor into the room's log, which it shares with others while it is in step with them.

    `own` has the indices of entries that the client itself caused and is not sent: ascending, and not passed by the
    cursor yet. The list is made only for a client that speaks: most of ten thousand never do.
    """

    __slots__ = ("client", "cohort", "is_in_step", "number", "own", "own_cursor", "room", "track")

    def __init__(self, client: Listener, room: "Room", cohort: "Cohort[Member]") -> None:
        self.client = client
        self.room = room
        self.cohort = cohort
        self.track: Track[Entry] = cohort.track
        self.number = 0
        self.is_in_step = False
        self.own_cursor = room.log.end
        self.own: list[int] | None = None

    @property
    def outlet(self) -> Outlet:
        """The sending half of its client's connection."""
        return self.client.outlet

    @property
    def cursor(self) -> int:
        """The index of the entry that it is sent next. Setting it takes the member out of step."""
        return self.cohort.progress_of(self)[1] if self.is_in_step else self.own_cursor

    @cursor.setter
    def cursor(self, index: int) -> None:
        if self.is_in_step:
            self.cohort.step_out(self)
        self.own_cursor = index

    @property
    def behind(self) -> tuple[int, int]:
        """Entries and bytes between the cursor and the end of the log, as far as the window still holds them."""
        log = self.room.log
        if self.cursor == log.end:
            return 0, 0
        if self.cursor == NOT_LISTENING:
            return log.end - self.track.base, self.track.size_bytes
        return log.end - self.cursor, self.track.size_between(max(self.cursor, self.track.base), log.end)

    @property
    def is_here(self) -> bool:
        """True while it is a member of the room."""
        return self.room.members.get(self.client) is self

    def stop_listening(self) -> None:
        """Stop following the log, until `listen_after`."""
        self.cursor = NOT_LISTENING

    def listen_after(self, entry_id: int) -> None:
        """Follow the log from behind an entry on, as far as the window reaches back."""
        self.cursor = max(self.room.log.index_after(entry_id), self.track.base)
        self.own = None

    def leave_out(self, indices: Sequence[int]) -> None:
        """Leave out the entries at these ascending indices, which are higher than all left out before."""
        if self.is_in_step:
            self.cohort.step_out(self)
        if self.own is None:
            self.own = []
        self.own += indices

    def slice(self) -> tuple[bytes, int]:
        """Return the bytes to send next, and the cursor once they are sent.

        The cursor must be inside the window.
        """
        if self.own:
            return self.track.slice_without(self.cursor, self.own)
        return self.track.slice(self.cursor)

    def advance(self, end: int) -> None:
        """Note that the slice up to `end` was sent."""
        self.cursor = end
        if self.own:
            del self.own[: bisect_left(self.own, end)]

    def advance_partially(self, sent: int) -> bytes:
        """Move the cursor behind the entry that `sent` bytes of the slice end in. -> the rest of that entry"""
        end, tail = self.track.split(self.cursor, sent, self.own or ())
        self.advance(end)
        return tail

    def send_rest(self, end: int) -> None:
        """Write the entries before index `end` to the outlet: the member leaves, and the pump sends it nothing more.

        Of more than REST_BYTES it is only told the number that it missed.
        """
        start, own = self.cursor, self.own or []
        if start >= end:
            return
        self.stop_listening()
        first = sent_to = min(max(start, self.track.base), end)
        if first < end:
            data, sent_to = self.track.slice_without(
                first, own[bisect_left(own, first) :], before=end, most_bytes=REST_BYTES
            )
            if data:
                self.client.outlet.write(data)
        missed_own = bisect_left(own, first) + bisect_left(own, end) - bisect_left(own, sent_to)
        if missed := first - start + end - sent_to - missed_own:
            self.client.outlet.report_gap(self.room.name, missed)

    def catch_up(self) -> int:
        """Move a cursor that fell off the window back into it; return how many entries of others were missed."""
        base = self.track.base
        missed = base - self.cursor - bisect_left(self.own or (), base)
        self.advance(base)
        return missed


class Room:
    """An ordered log, and the members that follow it."""

    def __init__(
        self,
        name: str,
        encoders: Mapping[Mode, Encode],
        *,
        window: Window,
        after_id: int,
        budget: WindowBudget | None = None,
    ) -> None:
        self.name = name
        self.topic = ""
        self._encoders = encoders
        self._window = window
        self._budget = budget
        self.log = Log(encoders, window, after_id, budget)
        self.members: dict[Listener, Member] = {}
        self.cohorts: dict[Mode, Cohort[Member]] = {}
        """The members by format, as far as there are any."""
        self.departing: dict[str, Member] = {}
        """Members that have left, by the id of the client: they are still sent entries from before that is durable."""
        self._places: dict[str, int] | None = None
        """The number of places that each account has here. Made at first use: most rooms are mailboxes of guests."""
        self._doubles = 0
        """Members that are further places of somebody who is here."""
        self._forgotten, self._newest_id = 0, 0

    @property
    def entry_count(self) -> int:
        """The number of entries that came while this room was known."""
        return self._forgotten + self.log.end

    @property
    def newest_id(self) -> int:
        """The id of the newest entry that came while this room was known; 0 for none."""
        return self.log.last_id if self.log.end else self._newest_id

    @property
    def is_empty(self) -> bool:
        """True if nobody is here, not even a member whose leaving is not durable yet."""
        return not self.members and not self.departing

    @property
    def headcount(self) -> int:
        """The number of people here: all places of a person count as one."""
        return len(self.members) - self._doubles

    @property
    def people(self) -> Iterator[Listener]:
        """One client of each person here, in the order of coming."""
        known = set[str]()
        for client in self.members:
            if client.account not in known:
                yield client
                if client.account:
                    known.add(client.account)

    def has(self, account: str) -> bool:
        """Tell whether a place of an account is here."""
        return self._places is not None and account in self._places

    def identify(self, client: Listener) -> None:
        """Note that a member is a place of an account from now on."""
        if self._places is None:
            self._places = {}
        places = self._places.get(client.account, 0)
        self._places[client.account] = places + 1
        self._doubles += places > 0

    def _forget_place(self, account: str) -> None:
        if self._places is None:
            return
        places = self._places.pop(account) - 1
        if places:
            self._places[account] = places
            self._doubles -= 1

    def admit(self, client: Listener) -> Member:
        """Make a client a member, which is sent all entries from now on. The caller adds it to the client."""
        if earlier := self.departing.get(client.id):
            self.depart(earlier)  # the new membership begins where that one ends
        member = self.members[client] = Member(client, self, self._cohort_of(client.mode))
        member.cohort.add(member)
        if client.account:
            self.identify(client)
        return member

    def remove(self, client: Listener) -> Member:
        """Remove a member, which follows the log up to its own notice. `depart` ends that."""
        member = self.members.pop(client)
        member.cohort.remove(member)
        if client.account:
            self._forget_place(client.account)
        if earlier := self.departing.get(client.id):
            self.depart(earlier)
        self.departing[client.id] = member
        return member

    def depart(self, member: Member, end: int | None = None) -> None:
        """Let a removed member go, sent the entries before index `end`, or all so far."""
        if self.departing.get(member.client.id) is not member:
            return
        del self.departing[member.client.id]
        member.send_rest(self.log.end if end is None else end)
        member.stop_listening()
        mode = member.client.mode
        self.log.close_track(mode)
        if not member.track.readers:
            del self.cohorts[mode]

    def _cohort_of(self, mode: Mode) -> Cohort[Member]:
        """Return the cohort of a format for one more member."""
        track = self.log.open_track(mode)
        if mode not in self.cohorts:
            self.cohorts[mode] = Cohort(track, self.log.end)
        return self.cohorts[mode]

    def forget(self, after_id: int) -> None:
        """Begin the log anew: nobody is here, and the journal has what was said."""
        self._forgotten, self._newest_id = self.entry_count, self.newest_id
        self.log.close()
        self.log = Log(self._encoders, self._window, after_id, self._budget)

    def append(self, entries: Sequence[Entry], author_of: Callable[[str], Listener | None]) -> None:
        """Put entries into the log. `author_of` finds the client with an id, if it is still here.

        A client in lines is not sent its own entries: its terminal shows what was typed. A client in frames is, since
        they tell it that what it said was kept.
        """
        self.log.extend(entries)
        index = self.log.end - len(entries)
        for author_id, their in groupby(entries, key=_client_of):  # many entries of one author come together
            first, index = index, index + len(list(their))
            if member := self._member_in_lines(author_of(author_id)):
                member.leave_out(range(first, index))
        if self.departing:
            self._follow_departing(entries)

    def replace(self, tombstone: Entry) -> None:
        """Put a tombstone in the place of the entry with its id. It is not offered any more in its old form."""
        self.log.replace(tombstone)
        for cohort in self.cohorts.values():
            cohort.step_out_unserved()

    def _member_in_lines(self, author: Listener | None) -> Member | None:
        """Return the member that an author is, if that speaks lines."""
        return self.members.get(author) if author and author.mode is Mode.LINES else None

    def _follow_departing(self, entries: Sequence[Entry]) -> None:
        for index, entry in enumerate(entries, self.log.end - len(entries)):
            if member := self.departing.get(entry.draft.client):
                if entry.draft.kind in (Kind.LEFT, Kind.KICKED):
                    self.depart(member, index)
                elif member.client.mode is Mode.LINES:
                    member.leave_out((index,))
