"""Backfill of a room that was joined: recent history and who is there, before anything new. Pure."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from trio_chat.client.link.events import (
    Answered,
    Connected,
    Disconnected,
    Ended,
    LinkEvent,
    LinkNotice,
    Question,
    Received,
    Refused,
    RoomJoined,
    RoomLeft,
)
from trio_chat.client.transcript.link_state import JoinedRooms
from trio_chat.wire import frames

HELD_MAX = 1000
"""Events held back until the history is here. With more than these, the history comes later."""

_NAMES_MAX = 20
NICK_HINT = "/nick NAME gives you a name, /help lists what else there is"


class Backfill:
    """Puts the events of a room in order: history, who is there, then what is new.

    It asks for up to `history_lines`, and does nothing at all where that is None. `room` is the first one to show.
    """

    def __init__(self, room: str, *, make_key: Callable[[], str], history_lines: int | None = None) -> None:
        """`make_key` gives a key that no other request has."""
        self._room = room
        self._history_lines = history_lines
        self._make_key = make_key
        self._rooms: set[str] = set()
        self._asked: set[str] = set()
        self._questions: list[Question] = []
        self._held: list[LinkEvent] = []
        self._needs_hint = False
        self.is_holding = False
        """True if new entries are held back."""

    def reorder(self, events: Iterable[LinkEvent], joined: JoinedRooms) -> list[LinkEvent]:
        """Take in events. -> those to be shown now, in order"""
        return [ready for event in events for ready in self._reorder(event, joined)]

    def take_questions(self) -> list[Question]:
        """Return the questions to be asked now, once."""
        questions, self._questions = self._questions, []
        return questions

    def release(self) -> list[LinkEvent]:
        """Hold nothing back any longer. -> the events that were held back"""
        held, self._held, self.is_holding = self._held, [], False
        return held

    def _reorder(self, event: LinkEvent, joined: JoinedRooms) -> list[LinkEvent]:
        match event:
            case Connected(is_again=False, label=label):
                self._needs_hint = ":" in label
                self._rooms = set(joined.rooms)
                self._request_backfill(
                    self._room if self._room in joined.rooms else next(iter(joined.rooms), ""), joined
                )
            case RoomJoined(room=room) if room not in self._rooms:
                self._rooms.add(room)
                self._request_backfill(room, joined)
            case RoomLeft(room=room):
                self._rooms.discard(room)
            case Answered(question=question) | Refused(question=frames.History() | frames.Who() as question):
                return self._receive_answer(event) if question.key in self._asked else [event]
            case Received() if self.is_holding:
                self._held.append(event)
                return self.release() if len(self._held) >= HELD_MAX else []
            case Disconnected() | Ended():
                return [*self.release(), event]
        return [event]

    def _request_backfill(self, room: str, joined: JoinedRooms) -> None:
        """Ask for what is older than the entries that come by themselves, so that nothing is shown twice."""
        newest_id = joined.newest_id_before(room)
        if self._history_lines is None or newest_id is None:
            return
        if self._history_lines:
            limit = min(self._history_lines, frames.PAGE_LIMIT)
            self._ask(
                frames.History(room=room, before=newest_id + 1, limit=limit, presence=False, key=self._make_key())
            )
        self._ask(frames.Who(room=room, key=self._make_key()))

    def _ask(self, question: Question) -> None:
        self._questions.append(question)
        self._asked.add(question.key)
        self.is_holding = True

    def _receive_answer(self, event: Answered | Refused) -> list[LinkEvent]:
        ready: list[LinkEvent] = []
        if event.question:
            self._asked.discard(event.question.key)
        if isinstance(event, Answered):
            ready += self._shorten(event)
        return ready if self._asked else [*ready, *self.release()]

    def _shorten(self, answered: Answered) -> list[LinkEvent]:
        """Cut an answer down to what is worth showing."""
        match answered.answer:
            case frames.Page(entries=entries) as page:
                # Nobody has asked how to read on.
                return [Answered(answered.question, replace(page, more=False))] if entries or page.damaged else []
            case frames.Members(labels=labels) as members:
                shortened: list[LinkEvent] = [Answered(answered.question, replace(members, labels=labels[:_NAMES_MAX]))]
                if self._needs_hint:
                    self._needs_hint = False
                    shortened.append(LinkNotice(NICK_HINT))
                return shortened
        return [answered]
