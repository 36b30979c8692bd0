"""What somebody who comes into a room is shown first: what was said there just before, and who is there. Pure."""

from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec.structs import replace

from trio_chat.chat.events import SPOKEN, Kind
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Ended,
    Entered,
    Exited,
    Heard,
    LinkEvent,
    Lost,
    Noticed,
    Question,
    Refused,
)
from trio_chat.wire import frames

HELD_MAX = 1000
"""What is new and held back until the past is here. Where so much comes meanwhile, the past has to come later."""

_NAMES_MAX = 20
_NOISE = 5
"""How many entries are asked for to show one: most may tell of people who came and went."""

_KINDS = (*SPOKEN, Kind.ANNOUNCED)

NAMELESS = "/nick NAME gives you a name, /help lists what else there is"


class Whereabouts(Protocol):
    """What is known of the rooms that we are in: a link knows it."""

    @property
    def rooms(self) -> dict[str, str]:
        """The rooms that we are in, each with its topic."""

    def newest_id_before(self, room: str) -> int | None:
        """The newest entry of a room when it was entered, or None."""


class Arrival:
    """Puts what happens while rooms are entered in order: the past, who is there, and then what is new.

    It asks for up to `past` lines, or does nothing at all where that is None. `room` is the one to come into first.
    """

    def __init__(self, room: str, *, make_key: Callable[[], str], past: int | None = None) -> None:
        """`make_key` gives a key that no other request has."""
        self._room = room
        self._past = past
        self._make_key = make_key
        self._rooms: set[str] = set()
        self._asked: set[str] = set()
        self._questions: list[Question] = []
        self._held: list[LinkEvent] = []
        self._is_nameless = False
        self.is_holding = False
        """Whether what is new is held back."""

    def sift(self, happenings: Iterable[LinkEvent], where: Whereabouts) -> list[LinkEvent]:
        """Take what happened. -> what is to be told now"""
        return [told for happening in happenings for told in self._sift(happening, where)]

    def questions(self) -> list[Question]:
        """Take what is to be asked now."""
        questions, self._questions = self._questions, []
        return questions

    def give_up(self) -> list[LinkEvent]:
        """Hold nothing back any longer. -> what was"""
        held, self._held, self.is_holding = self._held, [], False
        return held

    def _sift(self, happening: LinkEvent, where: Whereabouts) -> list[LinkEvent]:
        match happening:
            case Connected(is_again=False, label=label):
                self._is_nameless = ":" in label
                self._rooms = set(where.rooms)
                self._enter(self._room if self._room in where.rooms else next(iter(where.rooms), ""), where)
            case Entered(room=room) if room not in self._rooms:
                self._rooms.add(room)
                self._enter(room, where)
            case Exited(room=room):
                self._rooms.discard(room)
            case Answered(question=question) | Refused(question=frames.History() | frames.Who() as question):
                return self._hear_answer(happening) if question.key in self._asked else [happening]
            case Heard() if self.is_holding:
                self._held.append(happening)
                return self.give_up() if len(self._held) >= HELD_MAX else []
            case Lost() | Ended():
                return [*self.give_up(), happening]
        return [happening]

    def _enter(self, room: str, where: Whereabouts) -> None:
        """Ask for what is older than what comes by itself, so that nothing is shown twice."""
        newest_id = where.newest_id_before(room)
        if self._past is None or newest_id is None:
            return
        if self._past:
            limit = min(self._past * _NOISE, frames.PAGE_LIMIT)
            self._ask(frames.History(room=room, before=newest_id + 1, limit=limit, key=self._make_key()))
        self._ask(frames.Who(room=room, key=self._make_key()))

    def _ask(self, question: Question) -> None:
        self._questions.append(question)
        self._asked.add(question.key)
        self.is_holding = True

    def _hear_answer(self, happening: Answered | Refused) -> list[LinkEvent]:
        told: list[LinkEvent] = []
        if happening.question:
            self._asked.discard(happening.question.key)
        if isinstance(happening, Answered):
            told += self._shorten(happening)
        return told if self._asked else [*told, *self.give_up()]

    def _shorten(self, answered: Answered) -> list[LinkEvent]:
        """Make of an answer what one who comes wants to see."""
        match answered.answer:
            case frames.Page(entries=entries) as page:
                said = [entry for entry in entries if entry.kind in _KINDS][-(self._past or 0) :]
                return [Answered(answered.question, replace(page, entries=said))] if said or page.damaged else []
            case frames.Members(labels=labels) as members:
                told: list[LinkEvent] = [Answered(answered.question, replace(members, labels=labels[:_NAMES_MAX]))]
                if self._is_nameless:
                    self._is_nameless = False
                    told.append(Noticed(NAMELESS))
                return told
        return [answered]
