"""Backfill of a room that was joined: recent history and who is there, before anything new. Pure.

Where the person has been there before, the entries that are new to them are counted, and stand below a line.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import dropwhile

from msgspec.structs import replace

from trio_chat.chat.text import excerpt
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Disconnected,
    Ended,
    LinkEvent,
    LinkNotice,
    MemoryOfServer,
    NewSince,
    Question,
    Received,
    Refused,
    RoomJoined,
    RoomLeft,
    ServerNews,
)
from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.link_state import JoinedRooms
from trio_chat.client.transcript.read_marks import ReadMarks
from trio_chat.wire import frames

HELD_MAX = 1000
"""Events held back until the history has arrived. Where there are more, it comes after them."""

COUNTED_MAX = 100
"""Entries looked at to count what is new: as many as cost no more than fewer do."""

WAITING_MIN = 20
"""Private messages that are asked for at least: our own are among them."""

ROOMS_AT_ONCE = 3
"""Other rooms whose new entries are counted at the same time: the server slows down who asks for more than that."""

_NAMES_MAX = 20
BACKFILL_KEY = "backfill-"
"""The beginning of the keys of questions that nobody typed."""

NICK_HINT = "/nick NAME gives you a name, /help lists what else there is"
_WHY_MAX = 200


class Backfill:
    """Puts the events of a room in order: history, who is there, then new entries.

    It shows up to `history_lines`, and does nothing at all where that is None. `room` is the first one to show.
    """

    def __init__(
        self,
        room: str,
        *,
        make_key: Callable[[], str],
        history_lines: int | None = None,
        marks: ReadMarks | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`make_key` gives a key that no other request has, `clock` the time in seconds since 1970."""
        self._marks = marks or ReadMarks()
        self._clock = clock
        self._uncounted: list[str] = []
        self._counting: dict[str, str] = {}
        self._room = room
        self._history_lines = history_lines
        self._make_key = make_key
        self._rooms: set[str] = set()
        self._asked: set[str] = set()
        self._questions: list[Question] = []
        self._held: list[LinkEvent] = []
        self._needs_hint = False
        self._why_no_name = ""
        self._server_counts = False
        """True if the server remembers our read marks, and so counts new entries itself."""
        self._waiting = 0
        self.is_holding = False
        """True if new entries are held back."""

    def reorder(self, events: Iterable[LinkEvent], joined: JoinedRooms) -> list[LinkEvent]:
        """Handle events. -> those to be shown now, in order"""
        return [ready for event in events for ready in self._reorder(event, joined)]

    def visit(self, room: str, joined: JoinedRooms) -> None:
        """Ask for what was said in a room that we are in and that was not shown yet."""
        if room in joined.rooms and room not in self._rooms:
            self._rooms.add(room)
            self._request_backfill(room, joined)

    def take_questions(self) -> list[Question]:
        """Return the questions to be asked now, once."""
        questions, self._questions = self._questions, []
        return questions

    def change_held(self, change: Callable[[Sequence[LinkEvent]], list[LinkEvent]]) -> None:
        """Change the events that are held back."""
        self._held = change(self._held)

    def release(self) -> list[LinkEvent]:
        """Hold nothing back any longer. -> the events that were held back"""
        held, self._held, self.is_holding = self._held, [], False
        return held

    def _reorder(self, event: LinkEvent, joined: JoinedRooms) -> list[LinkEvent]:
        match event:
            case MemoryOfServer():
                self._server_counts = True
            case ServerNews(waiting=waiting):
                self._request_waiting(waiting, joined)
            case Connected(is_again=False, label=label):
                self._needs_hint = ":" in label
                self._begin(joined)
            case Connected():
                self._marks.begin(joined)
            case Refused(question=None, reason=reason):
                self._why_no_name = reason
            case RoomJoined(room=room) if room not in self._rooms:
                self._rooms.add(room)
                self._request_backfill(room, joined)
            case RoomLeft(room=room):
                self._rooms.discard(room)
            case Answered(question=question) | Refused(question=frames.History() | frames.Who() as question):
                if question.key in self._counting:
                    return self._receive_count(event, joined)
                return self._receive_answer(event, joined) if question.key in self._asked else [event]
            case Received() if self.is_holding:
                self._held.append(event)
                return self.release() if len(self._held) >= HELD_MAX else []
            case Disconnected() | Ended():
                return [*self.release(), event]
        return [event]

    def _begin(self, joined: JoinedRooms) -> None:
        """Show the first room, and count what is new in the others: those are shown when the person goes there."""
        self._marks.begin(joined)
        first = self._room if self._room in joined.rooms else next(iter(joined.rooms), "")
        self._rooms = {first}
        self._request_backfill(first, joined)
        if self._history_lines is None or self._server_counts:
            return
        for room in joined.rooms:
            newest_id = joined.newest_id_before(room)
            if room == first:
                continue
            if self._marks.has_news(room, newest_id):
                self._uncounted.append(room)
            else:
                self._marks.catch_up(room, newest_id, self._clock())
        self._count_more(joined)

    def _count_more(self, joined: JoinedRooms) -> None:
        """Ask for the new entries of the next rooms, to count them."""
        while self._uncounted and len(self._counting) < ROOMS_AT_ONCE:
            room = self._uncounted.pop(0)
            if question := self._history_of(room, joined, COUNTED_MAX):
                self._counting[question.key] = room
                self._questions.append(question)

    def _receive_count(self, event: Answered | Refused, joined: JoinedRooms) -> list[LinkEvent]:
        """Return the number of new entries in a room that is not shown."""
        room = self._counting.pop(event.question.key if event.question else "")
        self._count_more(joined)
        mark = self._marks.of_last_time(room)
        if mark is None or not isinstance(event, Answered) or not isinstance(event.answer, frames.Page):
            return []
        new = _new_since(mark.id, event.answer.entries, joined.label)
        others = [entry for entry in new if entry.author != joined.label]
        if not others:
            self._marks.catch_up(room, joined.newest_id_before(room), self._clock())
            return []
        has_more = event.answer.more and len(new) == len(event.answer.entries)
        return [NewSince(room, len(others), mark.time, has_more=has_more, is_shown=False)]

    def _history_of(self, room: str, joined: JoinedRooms, limit: int) -> frames.History | None:
        """Make the question for what is older than the entries that come by themselves."""
        newest_id = joined.newest_id_before(room)
        if newest_id is None:
            return None
        return frames.History(room=room, before=newest_id + 1, limit=limit, presence=False, key=self._make_key())

    def _request_backfill(self, room: str, joined: JoinedRooms) -> None:
        """Ask only for entries older than those that the server sends by itself, so that nothing is shown twice."""
        newest_id = joined.newest_id_before(room)
        if self._history_lines is None or newest_id is None:
            return
        limit = min(self._history_lines, frames.PAGE_LIMIT)
        if self._marks.has_news(room, newest_id):
            limit = max(limit, COUNTED_MAX)
        else:
            self._marks.catch_up(room, newest_id, self._clock())
        if limit and (question := self._history_of(room, joined, limit)):
            self._ask(question)
        self._ask(frames.Who(room=room, key=self._make_key()))

    def _request_waiting(self, waiting: int, joined: JoinedRooms) -> None:
        """Ask for the private messages that waited. They are shown below a line, like what is new in a room."""
        if not waiting or self._history_lines is None:
            return
        self._waiting = waiting
        if question := self._history_of(frames.MAILBOX, joined, min(max(waiting, WAITING_MIN), COUNTED_MAX)):
            self._ask(question)

    def _ask(self, question: Question) -> None:
        self._questions.append(question)
        self._asked.add(question.key)
        self.is_holding = True

    def _receive_answer(self, event: Answered | Refused, joined: JoinedRooms) -> list[LinkEvent]:
        ready: list[LinkEvent] = []
        if event.question:
            self._asked.discard(event.question.key)
        if isinstance(event, Answered):
            ready += self._shorten(event, joined)
        return ready if self._asked else [*ready, *self.release()]

    def _shorten(self, answered: Answered, joined: JoinedRooms) -> list[LinkEvent]:
        """Cut an answer down to the part that is worth showing."""
        match answered.answer:
            case frames.Page() as page if isinstance(answered.question, frames.History):
                room = answered.question.room
                if room == frames.MAILBOX:
                    return self._waiting_parts(answered, page, joined)
                up_to = joined.newest_id_before(room) or 0
                parts = [
                    replace(part, up_to=up_to) if isinstance(part, NewSince) else part
                    for part in self._split_at_mark(page, self._marks.of_last_time(room), room, joined.label)
                ]
                self._marks.catch_up(room, joined.newest_id_before(room), self._clock())
                return [Answered(answered.question, part) if isinstance(part, frames.Page) else part for part in parts]
            case frames.Members(labels=labels) as members:
                shortened: list[LinkEvent] = [Answered(answered.question, replace(members, labels=labels[:_NAMES_MAX]))]
                if self._needs_hint:
                    self._needs_hint = False
                    shortened.append(LinkNotice(self._hint))
                return shortened
        return [answered]

    @property
    def _hint(self) -> str:
        """The notice for a person who has no name, with the reason again: its first notice stands above the history."""
        why = excerpt(self._why_no_name, _WHY_MAX)
        return f"you have no name: {why}; {NICK_HINT}" if why else NICK_HINT

    def _waiting_parts(self, answered: Answered, page: frames.Page, joined: JoinedRooms) -> list[LinkEvent]:
        """Return the private messages that waited, and the line before them."""
        mark = self._marks.of_last_time(frames.MAILBOX)
        entries = [entry for entry in page.entries if mark is None or entry.id > mark.id]
        others = [entry for entry in entries if entry.author != joined.label]
        if mark is None and others:
            first = others[-self._waiting :][0]
            entries = [entry for entry in entries if entry.id >= first.id]
            others = others[-self._waiting :]
        self._marks.catch_up(frames.MAILBOX, joined.newest_id_before(frames.MAILBOX), self._clock())
        if not others:
            return []
        time = mark.time if mark else others[0].time
        has_more = self._waiting > len(others)
        new = NewSince(frames.MAILBOX, len(others), time, has_more=has_more, is_shown=True, shown=len(others))
        return [new, Answered(answered.question, replace(page, more=False, entries=entries))]

    def _split_at_mark(
        self, page: frames.Page, mark: ReadMark | None, room: str, label: str
    ) -> Iterator[frames.Page | NewSince]:
        """Split a page at a mark: entries that were read, a line, and new ones from the first that is not ours on."""
        shown = page.entries[-self._history_lines :] if self._history_lines else []
        first_id = shown[0].id if shown and len(shown) < len(page.entries) else 0
        damaged = [number for number in page.damaged if number >= first_id]
        new = _new_since(mark.id, page.entries, label) if mark else []
        mark_id = new[0].id - 1 if new else 2**63
        others = sum(entry.author != label for entry in new)
        for is_new in (False, True):
            if is_new and new and mark:
                has_more = page.more and len(new) == len(page.entries)
                new_shown = sum(entry.id > mark_id and entry.author != label for entry in shown)
                yield NewSince(
                    room, others, mark.time, has_more=has_more, is_shown=True, shown=new_shown, after=mark.id
                )
            part = replace(
                page,
                more=False,  # nobody has asked how to read on
                entries=[entry for entry in shown if (entry.id > mark_id) == is_new],
                damaged=[number for number in damaged if (number > mark_id) == is_new],
            )
            if part.entries or part.damaged:
                yield part


def _new_since(mark_id: int, entries: Iterable[frames.Said], label: str) -> list[frames.Said]:
    """Return the entries after a mark, from the first that is not ours on: our own late lines are nothing new."""
    newer = (entry for entry in entries if entry.id > mark_id)
    return list(dropwhile(lambda entry: entry.author == label, newer))
