"""Cohorts: the members of one room that are sent one format.

Most of them are in step: they share one cursor and are offered the same slice, in a loop that runs in CPython's own C.
A member is apart, with a cursor of its own, while it cannot share: entries of its own are left out for it, other bytes
go first, its socket is full or it reads history. Once its cursor is that of the others, it is in step again.

A pass moves all those in step to the end of one slice, in several steps, so that others have their turn meanwhile. They
are served in the order in which they came, and whoever is apart can be in step again when the next pass begins.
"""

import sys
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter, methodcaller
from typing import Generic, Protocol, TypeVar

from trio_chat.chat.events import Entry
from trio_chat.chat.log import Track
from trio_chat.chat.outlet import TAKES_NOTHING, Outlet

NOBODY = sys.maxsize
"""Higher than the number of any member."""

_number_of = attrgetter("number")
_sink_of = attrgetter("sink")


class CohortMember(Protocol):
    """A member, as its cohort sees it. The cohort alone sets `number` and `is_in_step`."""

    number: int
    """Its number among all that came: those in step are served in this order."""

    is_in_step: bool
    """True while it shares the cursor of the cohort."""

    own_cursor: int
    """Its cursor while it is apart."""

    own: list[int] | None
    """Entries that it is not sent."""

    @property
    def outlet(self) -> Outlet:
        """The sending half of its connection: another one only while it is apart."""


M = TypeVar("M", bound=CohortMember)


class Cohort(Generic[M]):
    """The members of a room in one format. `cursor` is that of those in step, once they are served."""

    __slots__ = (
        "_first_unserved",
        "_in_step",
        "_last_number",
        "_outlets",
        "_pieces",
        "_sent_bytes",
        "_served",
        "_slice",
        "_start",
        "apart",
        "cursor",
        "track",
    )

    def __init__(self, track: Track[Entry], cursor: int) -> None:
        self.track = track
        self.cursor = self._start = cursor
        self.apart: dict[M, None] = {}
        """Members that are not in step, in the order in which they left it."""
        self._last_number = 0
        self._in_step: list[M] = []
        """The members in step, by number."""
        self._outlets: list[Outlet] = []
        """Theirs, in the same order."""
        self._served = 0
        self._first_unserved = NOBODY
        """In a pass, all in step with this number or a higher one are not served yet."""
        self._slice = b""
        self._pieces: Sequence[bytes] = ()
        """The entries of the slice: they may leave the window during the pass."""
        self._sent_bytes = 0
        """Bytes sent to a member that was in step since the beginning, without the slice of this pass."""

    # Membership

    def add(self, member: M) -> None:
        """Take in a member."""
        self._last_number += 1
        member.number = self._last_number
        self.apart[member] = None
        self.step_in(member)

    def remove(self, member: M) -> None:
        """Let a member go, with a cursor of its own."""
        self.step_out(member)
        self.apart.pop(member, None)

    def step_in(self, member: M) -> None:
        """Let a member that is apart share the cursor, if its own is the same and nothing else is to be sent to it.

        Does nothing for others, and nothing during a pass.
        """
        if self.unserved or member not in self.apart or member.own_cursor != self.cursor or member.own:
            return
        outlet = member.outlet
        if outlet.is_paused or outlet.sink is TAKES_NOTHING:
            return
        self._end_pass()
        del self.apart[member]
        member.is_in_step = True
        member.own_cursor = self.cursor  # an equal number, but one object for all: 32 bytes a member
        outlet.bytes_out -= self._sent_bytes
        index = self._index_of(member)
        self._in_step.insert(index, member)
        self._outlets.insert(index, outlet)
        self._served += 1

    def step_out(self, member: M) -> None:
        """Give a member in step a cursor of its own. Does nothing for others."""
        if not member.is_in_step:
            return
        sent, member.own_cursor = self.progress_of(member)
        member.outlet.bytes_out += sent
        self._served -= self._is_served(member)
        index = self._index_of(member)
        del self._in_step[index], self._outlets[index]
        member.is_in_step = False
        self.apart[member] = None

    def _index_of(self, member: M) -> int:
        return bisect_left(self._in_step, member.number, key=_number_of)

    def _is_served(self, member: M) -> bool:
        return member.number < self._first_unserved

    def progress_of(self, member: M) -> tuple[int, int]:
        """Return the bytes sent to a member that its outlet has not counted, and its cursor."""
        if not member.is_in_step:
            return 0, member.own_cursor
        if self._is_served(member):
            return self._sent_bytes + len(self._slice), self.cursor
        return self._sent_bytes, self._start

    @property
    def bytes_sent(self) -> int:
        """Bytes sent to all members in step that their outlets have not counted."""
        return len(self._in_step) * self._sent_bytes + self._served * len(self._slice)

    # Passes

    @property
    def unserved(self) -> int:
        """The number of members in step that still have to be offered the slice of this pass."""
        return len(self._in_step) - self._served

    def begin_pass(self) -> None:
        """Let the next slice be offered to those in step, unless some wait for the one before."""
        if self.unserved:
            return
        self._end_pass()
        if self.cursor < self.track.base:  # each of them has missed something, and is told so
            self._note_served(0)
            self.step_out_unserved()
        if not self._in_step:
            self.cursor = self._start = self.track.end
            return
        found, end = self.track.slice(self.cursor)
        self._pieces = self.track.pieces_between(self.cursor, end)
        self._slice, self.cursor = found, end
        self._note_served(0 if found else len(self._in_step))

    def offer(self, most: int) -> list[M]:
        """Offer the slice to so many more of those in step. -> those that did not take all of it, and are apart now"""
        first, size = self._served, len(self._slice)
        taken: list[int] = []
        try:
            self._send_to(self._outlets[first : first + most], taken)
        finally:  # whoever took it must not be offered it again, even where memory ran out
            self._note_served(first + len(taken))
        if taken.count(size) == len(taken):
            return []
        refusals = [(self._in_step[index], sent) for index, sent in enumerate(taken, first) if sent < size]
        for member, sent in refusals:
            self._cut_off(member, sent)
        return [member for member, _sent in refusals]

    def step_out_unserved(self) -> None:
        """Let all that have not been offered the slice go on by themselves."""
        while self.unserved:
            self.step_out(self._in_step[-1])

    def _send_to(self, outlets: Sequence[Outlet], taken: list[int]) -> None:
        """Put into `taken` how many bytes of the slice each outlet takes: all where its connection is broken."""
        sinks, send = map(_sink_of, outlets), methodcaller("send", self._slice)
        while len(taken) < len(outlets):
            try:
                taken.extend(map(send, sinks))  # keeps what it has when a send raises, and goes on behind it
            except BlockingIOError:
                taken.append(0)
            except OSError as error:
                outlets[len(taken)].report_fault(error)
                taken.append(len(self._slice))

    def _cut_off(self, member: M, sent: int) -> None:
        """Let a served member that took only `sent` bytes of the slice go on behind the entry that they end in."""
        self.step_out(member)
        ends = list(accumulate(map(len, self._pieces), initial=0))
        whole = sum(end <= sent for end in ends) - 1
        member.outlet.bytes_out -= len(self._slice) - sent
        member.own_cursor = self._start + whole
        if torn := sent - ends[whole]:
            member.own_cursor += 1
            member.outlet.write_bytes(self._pieces[whole][torn:])

    def _note_served(self, count: int) -> None:
        self._served = count
        self._first_unserved = self._in_step[count].number if self.unserved else NOBODY

    def _end_pass(self) -> None:
        self._sent_bytes += len(self._slice)
        self._slice, self._pieces, self._start = b"", (), self.cursor
        self._first_unserved = NOBODY
