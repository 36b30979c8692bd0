"""Cohorts: the members of one room that are sent one format.

Most of them are in step: they stand at one place of the log, share one cursor and are offered the same slice, in a loop
that runs in the C of Python. A member is apart, with a cursor of its own, while it cannot share: entries of its own are
left out for it, other bytes go first, its socket is full or it reads history. Once it stands where the others do, it is
in step again.

A pass moves all those in step to the end of one slice, in several steps, so that others have their turn meanwhile. They
are kept in one list: those that were served in this pass, then those that were not.
"""

from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter, methodcaller
from typing import Generic, Protocol, TypeVar

from trio_chat.chat.events import Entry
from trio_chat.chat.log import Track
from trio_chat.chat.outlet import TAKES_NOTHING, Outlet

APART = -1
"""The place of a member that is not in step."""

_sink_of = attrgetter("sink")


class CohortMember(Protocol):
    """A member, as far as its cohort knows of it. The cohort alone sets `place`."""

    place: int
    """Its place among those in step, or APART."""

    own_cursor: int
    """Its cursor while it is apart."""

    own: list[int] | None
    """Entries that it is not sent."""

    @property
    def outlet(self) -> Outlet:
        """The sending half of its connection: another one only while it is apart."""


F = TypeVar("F", bound=CohortMember)


class Cohort(Generic[F]):
    """The members of a room in one format. `cursor` is that of those in step, once they are served."""

    __slots__ = (
        "_in_step",
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
        self.apart: dict[F, None] = {}
        """Members that are not in step, in the order in which they left it."""
        self._in_step: list[F] = []
        self._outlets: list[Outlet] = []
        """Those of the members in step, in the same order."""
        self._served = 0
        self._slice = b""
        self._pieces: Sequence[bytes] = ()
        """The entries of the slice: they may leave the window during the pass."""
        self._sent_bytes = 0
        """Bytes sent to a member that was in step since the beginning, without the slice of this pass."""

    # Who is in step

    def add(self, member: F) -> None:
        """Take in a member."""
        self.apart[member] = None
        self.step_in(member)

    def remove(self, member: F) -> None:
        """Let a member go, with a cursor of its own."""
        self.step_out(member)
        self.apart.pop(member, None)

    def step_in(self, member: F) -> None:
        """Let a member that is apart share the cursor, if it stands there and nothing else is to be sent to it."""
        outlet = member.outlet
        if member not in self.apart or member.own_cursor != self.cursor or member.own:
            return
        if outlet.is_paused or outlet.sink is TAKES_NOTHING:
            return
        del self.apart[member]
        outlet.bytes_out -= self._sent_bytes + len(self._slice)
        member.place = len(self._in_step)
        self._in_step.append(member)
        self._outlets.append(outlet)
        self._swap(member.place, self._served)
        self._served += 1

    def step_out(self, member: F) -> None:
        """Give a member in step a cursor of its own. Does nothing for others."""
        if member.place == APART:
            return
        member.outlet.bytes_out += self.bytes_sent_to(member)
        member.own_cursor = self.cursor_of(member)
        if member.place < self._served:
            self._served -= 1
            self._swap(member.place, self._served)
        self._swap(member.place, len(self._in_step) - 1)
        del self._in_step[-1], self._outlets[-1]
        member.place = APART
        self.apart[member] = None

    def _swap(self, one: int, other: int) -> None:
        members, outlets = self._in_step, self._outlets
        members[one], members[other] = members[other], members[one]
        outlets[one], outlets[other] = outlets[other], outlets[one]
        members[one].place, members[other].place = one, other

    def cursor_of(self, member: F) -> int:
        """-> the cursor of a member"""
        if member.place == APART:
            return member.own_cursor
        return self.cursor if member.place < self._served else self._start

    def bytes_sent_to(self, member: F) -> int:
        """-> the bytes sent to a member in step that its outlet has not counted; 0 for one that is apart"""
        if member.place == APART:
            return 0
        return self._sent_bytes + len(self._slice) * (member.place < self._served)

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
            self._served = 0
            self.step_out_unserved()
        if not self._in_step:
            self.cursor = self._start = self.track.end
            return
        found, end = self.track.slice(self.cursor)
        self._pieces = self.track.pieces_between(self.cursor, end)
        self._slice, self.cursor = found, end
        self._served = 0 if found else len(self._in_step)

    def offer(self, most: int) -> list[F]:
        """Offer the slice to so many more of those in step. -> those that did not take all of it, and are apart now"""
        first, size = self._served, len(self._slice)
        taken: list[int] = []
        try:
            self._send_to(self._outlets[first : first + most], taken)
        finally:  # whoever took it must not be offered it again, even where memory ran out
            self._served += len(taken)
        if taken.count(size) == len(taken):
            return []
        refusals = [(self._in_step[place], sent) for place, sent in enumerate(taken, first) if sent < size]
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

    def _cut_off(self, member: F, sent: int) -> None:
        """Let a served member that took only `sent` bytes of the slice go on behind the entry that they end in."""
        self.step_out(member)
        ends = list(accumulate(map(len, self._pieces), initial=0))
        whole = sum(end <= sent for end in ends) - 1
        member.outlet.bytes_out -= len(self._slice) - sent
        member.own_cursor = self._start + whole
        if torn := sent - ends[whole]:
            member.own_cursor += 1
            member.outlet.write_bytes(self._pieces[whole][torn:])

    def _end_pass(self) -> None:
        self._sent_bytes += len(self._slice)
        self._slice, self._pieces, self._start = b"", (), self.cursor
