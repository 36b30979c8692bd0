"""What a link has to tell, told to a person: what happens, as rows of a scrolling view. It prints nothing itself."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import assert_never

from trio_chat.chat.events import LOBBY, Kind
from trio_chat.chat.nicks import NICK_MAX
from trio_chat.chat.text import clean
from trio_chat.chat.wording import NOTHING_FOUND, rooms_there_are, where_you_are, who_is_here
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Delayed,
    Ended,
    Entered,
    Exited,
    Failed,
    Heard,
    LinkEvent,
    Lost,
    Missed,
    Noticed,
    Pending,
    Refused,
    Sent,
    Speech,
)
from trio_chat.client.link.link import Link
from trio_chat.client.transcript.people import People
from trio_chat.client.transcript.transcript import PROMPT, Row, Transcript, is_call, stamp
from trio_chat.wire import frames

_WORDS = (Kind.SAID, Kind.ACTED, Kind.TOLD)
"""Kinds of entries that somebody has typed: the person has seen their own already, and ignores some."""

_OWN_COMING = (Kind.JOINED, Kind.LEFT)


@dataclass(frozen=True, slots=True)
class RenderedOutput:
    """What to show: what was said in the chat, and what the client itself says about its connection.

    A greeting is for somebody at a terminal; so is a bell, where it `is_call`: somebody means the person.
    """

    rows: list[Row]
    asides: tuple[str, ...] = ()
    greeting: str = ""
    is_call: bool = False


class Narrator:
    """Remembers what the person has been told. `room` is the current one, in which they speak."""

    def __init__(self, transcript: Transcript, room: str = LOBBY, *, clock: Callable[[], float] | None = None) -> None:
        """With a `clock`, what is said gets its time in front."""
        self.transcript = transcript
        self.room = room
        self.people = People()
        self._clock = clock
        self.trouble = ""
        """Why there is no connection, where there is none."""
        self._announced: tuple[float, str] | None = None
        self._late: set[str] = set()
        self._late_sent = 0

    def prompt(self) -> str:
        """What stands before a line that is typed: who is in several rooms sees in which one that will be said."""
        if len(self.people.rooms) < 2:
            return PROMPT
        return f"#{clean(self.room)[:NICK_MAX]}{PROMPT}"  # a hostile server could have rooms with longer names

    def said(self, line: str, *, columns: int | None = None) -> list[Row]:
        """Show what was typed, as it stood behind the prompt."""
        rows = self.transcript.said(line, prompt=self.prompt(), columns=columns)
        return self._stamped(rows, self._clock() if self._clock else 0.0)

    def begin(self, link: Link) -> RenderedOutput:
        """Tell what is still to be sent from last time."""
        if not link.pending:
            return RenderedOutput([])
        self._late = {speech.key for speech in link.pending}
        rows = self.transcript.notice(f"{count_lines(len(self._late))} from last time will be sent:")
        for speech in link.pending:
            rows += self.transcript.said(speech.text)
        return RenderedOutput(rows)

    def tell(self, happening: LinkEvent, link: Link, *, columns: int | None = None) -> RenderedOutput:
        """Tell what happened."""
        match happening:
            case Heard():
                return self._hear(happening, link, columns)
            case Connected():
                return self._connect(happening, link)
            case Lost(reason=reason):
                return self._lose(reason, link)
            case Ended(reason=reason, is_orderly=is_orderly):
                self.trouble = "" if is_orderly else reason
                return RenderedOutput([])
            case Pending(speech=speech):
                return self._wait(speech, link)
            case Sent(speech=speech):
                return self._settle(speech, is_sent=True)
            case Failed(speech=speech, reason=reason):
                told = self._settle(speech, is_sent=False)
                return RenderedOutput(told.rows, (f"not sent: {reason}: {speech.text}", *told.asides))
            case Delayed(speech=speech, reason=reason):
                self._late.add(speech.key)
                return RenderedOutput([], (f"not sent yet, it will be tried again: {reason}: {speech.text}",))
            case Entered(room=room, topic=topic, asked=asked):
                if self.room == asked:  # else it is elsewhere that the person wants to be by now
                    self.room = room
                return RenderedOutput(self.transcript.notice(where_you_are(room, topic)))
            case Exited():
                return RenderedOutput(self.transcript.notice(where_you_are(self.room, link.rooms.get(self.room, ""))))
            case Answered(answer=answer):
                return RenderedOutput(self._answer(answer, link, columns))
            case Refused(question=question, reason=reason):
                if isinstance(question, frames.Join) and self.room not in link.rooms:
                    self.room = next(iter(link.rooms), LOBBY)
                return RenderedOutput(self.transcript.notice(reason))
            case Missed(room=room, count=count):
                return RenderedOutput(self.transcript.notice(_missed(room, count)))
            case Noticed(text=text):
                return RenderedOutput([], (text,))
            case _:
                assert_never(happening)

    def _hear(self, heard: Heard, link: Link, columns: int | None) -> RenderedOutput:
        entry = heard.entry
        if heard.is_own and entry.kind in _WORDS:
            return RenderedOutput([])
        if entry.kind in _WORDS and self.people.is_ignored(entry.author):
            return RenderedOutput([])
        if entry.kind in _OWN_COMING and entry.author == link.label:
            return RenderedOutput([])
        if entry.kind == Kind.ANNOUNCED:  # it comes to each of our rooms, at one time
            was_announced, self._announced = self._announced, (entry.time, entry.text)
            if was_announced == self._announced:
                return RenderedOutput([])
        rows = self.transcript.entry(entry, room=self.room, you=link.label, columns=columns)
        return RenderedOutput(self._stamped(rows, entry.time), is_call=is_call(entry, link.label))

    def _stamped(self, rows: list[Row], when: float) -> list[Row]:
        return [(stamp(when, self._clock()), *rows[0]), *rows[1:]] if self._clock else rows

    def _connect(self, connected: Connected, link: Link) -> RenderedOutput:
        self.trouble = ""
        if not connected.is_again:
            if self.room not in link.rooms:
                self.room = next(iter(link.rooms), LOBBY)
            topic = link.rooms.get(self.room, "")
            return RenderedOutput(
                [], greeting=f"you are [{connected.label}] in #{self.room}" + (f": {topic}" if topic else "")
            )
        asides = ["connected again"]
        if connected.is_other_epoch:
            asides.append("the server's history is another one now: some of what was said may be missing")
        return RenderedOutput([], tuple(asides))

    def _lose(self, reason: str, link: Link) -> RenderedOutput:
        """Tell it once, not again each time that it is tried."""
        was_lost, self.trouble = bool(self.trouble), reason
        if was_lost:
            return RenderedOutput([])
        self._late |= {speech.key for speech in link.pending}
        waits = (_waiting(len(self._late)),) if self._late else ()
        return RenderedOutput([], (f"{reason}; trying again", *waits))

    def _wait(self, speech: Speech, link: Link) -> RenderedOutput:
        if link.is_connected or not self.trouble:
            return RenderedOutput([])
        self._late.add(speech.key)
        return RenderedOutput([], (_waiting(len(self._late)),))

    def _settle(self, speech: Speech, *, is_sent: bool) -> RenderedOutput:
        """Something that waited needs to wait no longer."""
        if speech.key not in self._late:
            return RenderedOutput([])
        self._late.discard(speech.key)
        self._late_sent += is_sent
        if self._late or not self._late_sent:
            return RenderedOutput([])
        count, self._late_sent = self._late_sent, 0
        return RenderedOutput([], (f"{count_lines(count)} sent",))

    def _answer(self, answer: frames.Reply, link: Link, columns: int | None) -> list[Row]:
        match answer:
            case frames.Members(room=room, count=count, labels=labels):
                text = who_is_here(room, count, ((label, label == link.label) for label in labels))
                return self.transcript.notice(text)
            case frames.RoomList(rooms=rooms, count=count):
                told = [(room.name, room.members, room.topic) for room in rooms]
                lines = rooms_there_are(told, max(count, len(told)))
                return [row for line in lines for row in self.transcript.plain(line)]
            case frames.Page(entries=[], damaged=[]):
                return self.transcript.notice(NOTHING_FOUND)
            case frames.Page(entries=entries, damaged=damaged):
                rows = [(entry.id, self._past(entry, link, columns)) for entry in entries]
                rows += [(number, self.transcript.notice(f"entry {number} is damaged")) for number in damaged]
                return [row for _, of_entry in sorted(rows, key=itemgetter(0)) for row in of_entry]
        return []

    def _past(self, entry: frames.Said, link: Link, columns: int | None) -> list[Row]:
        if entry.kind in _WORDS and self.people.is_ignored(entry.author):
            return []
        return self.transcript.entry(entry, room=self.room, you=link.label, is_past=True, columns=columns)


def count_lines(count: int) -> str:
    """Say how many."""
    return f"{count} line" if count == 1 else f"{count} lines"


def _waiting(count: int) -> str:
    return f"not connected: {count_lines(count)} {'waits' if count == 1 else 'wait'} and will be sent"


def _missed(room: str, count: int) -> str:
    place = "of what you were told" if room == frames.MAILBOX else f"in #{room}"
    return (
        f"you missed {count} message{'' if count == 1 else 's'} {place}"
        if count
        else f"some of what was said {place} is missing"
    )
