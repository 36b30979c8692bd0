"""Backfill of the first room and of later ones, with a real protocol in place of the link."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from trio_chat.client.link.events import (
    Answered,
    Connected,
    Disconnected,
    LinkEvent,
    LinkNotice,
    NewSince,
    Question,
    Received,
    ServerNews,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.protocol import ClientProtocol
from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.backfill import COUNTED_MAX, HELD_MAX, NICK_HINT, ROOMS_AT_ONCE, Backfill
from trio_chat.client.transcript.read_marks import ReadMarks
from trio_chat.client.transcript.removals import Removals
from trio_chat.wire import frames


def said(number: int, **fields: Any) -> frames.Said:
    values = {"id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "bob", "text": str(number)}
    return frames.Said(**values | fields)


def info(room: str, last_id: int = 10) -> frames.RoomInfo:
    return frames.RoomInfo(name=room, topic="", members=1, last_id=last_id)


class Joiner:
    """Somebody who joins the lobby, and the events that they are shown."""

    def __init__(
        self,
        *,
        history_lines: int | None = 20,
        label: str = "alice",
        room: str = "lobby",
        marks: ReadMarks | None = None,
        rooms: Sequence[str] = ("lobby",),
        member: frames.MemberMemory | None = None,
    ) -> None:
        keys = itertools.count()
        self.backfill = Backfill(
            room, make_key=lambda: f"key-{next(keys)}", history_lines=history_lines, marks=marks, clock=lambda: 99.0
        )
        self.protocol = ClientProtocol(Identity(rooms=tuple(rooms)), "s" * 16)
        self.rooms = rooms
        self.asked: list[Question] = []
        self.told: list[LinkEvent] = []
        self.connect(label, member)

    def connect(self, label: str = "alice", member: frames.MemberMemory | None = None) -> None:
        self.protocol.start_connection()
        you = frames.You(id="c1", label=label, address="192.0.2.1:5")
        welcome = frames.Welcome(
            protocol=1,
            epoch="e",
            server="t",
            you=you,
            resumed=False,
            rooms=[info(room) for room in self.rooms],
            last_id=10,
            limits=frames.Limits(),
            member=member,
        )
        self.hear(welcome)

    def hear(self, *replies: frames.AnyReply) -> None:
        for reply in replies:
            self.happen(self.protocol.receive(reply))

    def happen(self, events: list[LinkEvent]) -> None:
        self.told += self.backfill.reorder(events, self.protocol)
        for question in self.backfill.take_questions():
            self.asked.append(question)
            self.protocol.ask(question)

    def ask(self, question: Question) -> None:
        self.happen(self.protocol.ask(question))

    def page(self, *entries: frames.Said, damaged: Sequence[int] = ()) -> None:
        (question,) = (asked for asked in self.asked[-2:] if isinstance(asked, frames.History))
        self.hear(frames.Page(entries=list(entries), damaged=list(damaged), more=False, key=question.key))

    def members(self, *labels: str) -> None:
        self.hear(frames.Members(room="lobby", count=len(labels), labels=list(labels), key=self.asked[-1].key))

    @property
    def heard(self) -> list[str]:
        """The ids of the entries shown and the counts of members, in order."""
        found: list[str] = []
        for told in self.told:
            match told:
                case Answered(answer=frames.Page(entries=entries, damaged=damaged)):
                    found += [f"past {entry.id}" for entry in entries] + [f"damaged {number}" for number in damaged]
                case Answered(answer=frames.Members(count=count)):
                    found.append(f"{count} here")
                case Received(entry=entry):
                    found.append(f"new {entry.id}")
                case NewSince(room=room, count=count, time=since, is_shown=is_shown):
                    found.append(f"{count} since {since:.0f}" + ("" if is_shown else f" in {room}"))
        return found


def test_a_past_of_damaged_entries_alone_is_told_too() -> None:
    joiner = Joiner()

    joiner.page(damaged=[9, 10])
    joiner.members("alice")

    assert joiner.heard == ["damaged 9", "damaged 10", "1 here"]


def test_the_history_shown_on_entering_does_not_say_how_to_read_on() -> None:
    joiner = Joiner()
    history, _ = joiner.asked

    joiner.hear(frames.Page(entries=[said(9)], more=True, key=history.key))

    [shown] = [told.answer for told in joiner.told if isinstance(told, Answered)]
    assert isinstance(shown, frames.Page)
    assert (len(shown.entries), shown.more) == (1, False)


def test_history_is_shown_first_then_members_then_new_entries() -> None:
    joiner = Joiner()

    joiner.hear(said(11))
    joiner.page(said(9), said(10))
    joiner.hear(said(12))
    assert joiner.heard == ["past 9", "past 10"]
    joiner.members("alice", "bob")
    joiner.hear(said(13))

    assert joiner.heard == ["past 9", "past 10", "2 here", "new 11", "new 12", "new 13"]


def test_history_is_requested_only_before_the_entries_that_come_by_themselves() -> None:
    (history, who) = Joiner(history_lines=3).asked

    assert isinstance(history, frames.History)
    assert isinstance(who, frames.Who)
    assert (history.room, history.before, who.room) == ("lobby", 11, "lobby")


def test_as_many_lines_are_asked_for_as_are_shown_and_not_who_came_and_went() -> None:
    joiner = Joiner(history_lines=2)

    history = joiner.asked[0]
    joiner.page(said(2), said(4, kind="acted"))

    assert isinstance(history, frames.History)
    assert (history.limit, history.presence) == (2, False)
    assert joiner.heard == ["past 2", "past 4"]


def test_in_a_room_where_nothing_was_said_nothing_is_told_of_that() -> None:
    joiner = Joiner()

    joiner.page()
    joiner.members("alice")

    assert joiner.heard == ["1 here"]


def test_without_history_the_members_are_shown() -> None:
    joiner = Joiner(history_lines=0)

    assert [type(question) for question in joiner.asked] == [frames.Who]


def test_without_history_lines_nothing_is_asked_or_told() -> None:
    joiner = Joiner(history_lines=None)

    joiner.hear(said(11))

    assert joiner.asked == []
    assert joiner.heard == ["new 11"]


def test_of_many_only_some_are_named() -> None:
    joiner = Joiner()

    joiner.members(*(f"p{number}" for number in range(500)))

    (members,) = (told.answer for told in joiner.told if isinstance(told, Answered))
    assert isinstance(members, frames.Members)
    assert (members.count, len(members.labels)) == (500, 20)


@pytest.mark.parametrize(("label", "is_told"), [("192.0.2.1:5", True), ("alice", False)])
def test_a_person_without_a_nick_is_told_once_how_to_take_one(label: str, is_told: bool) -> None:
    joiner = Joiner(label=label)

    joiner.page()
    joiner.members(label)
    joiner.ask(frames.Join(room="dev", key="j"))
    joiner.hear(frames.Joined(room=info("dev"), key="j"))
    joiner.page()
    joiner.members(label)

    assert joiner.told.count(LinkNotice(NICK_HINT)) == is_told


def test_a_reconnect_asks_for_no_history_again() -> None:
    joiner = Joiner()
    joiner.page()
    joiner.members("alice")
    asked = len(joiner.asked)

    joiner.happen([*joiner.protocol.connection_lost(), Disconnected("broken", 1)])
    joiner.connect()
    joiner.hear(said(11))

    assert isinstance(joiner.told[-2], Connected)
    assert (len(joiner.asked), joiner.heard[-1]) == (asked, "new 11")


def test_a_connection_that_breaks_meanwhile_holds_nothing_back() -> None:
    joiner = Joiner()
    joiner.hear(said(11))

    joiner.happen([*joiner.protocol.connection_lost(), Disconnected("broken", 1)])

    assert [type(told) for told in joiner.told] == [Connected, Received, Disconnected]


def test_a_past_that_cannot_be_read_holds_nothing_back() -> None:
    joiner = Joiner()
    joiner.hear(said(11))

    joiner.hear(*(frames.Error(code="journal", text="the journal is away", key=asked.key) for asked in joiner.asked))

    assert joiner.heard == ["new 11"]


def test_a_room_that_is_entered_has_a_past_too_but_not_one_that_was_not_left() -> None:
    joiner = Joiner()
    joiner.page()
    joiner.members("alice")

    for key in ("1", "2"):
        joiner.ask(frames.Join(room="dev", key=key))
        joiner.hear(frames.Joined(room=info("dev", 30), key=key))
    joiner.ask(frames.Leave(room="dev", key="3"))
    joiner.hear(frames.Done(key="3"))
    joiner.ask(frames.Join(room="dev", key="4"))
    joiner.hear(frames.Joined(room=info("dev", 40), key="4"))

    befores = [question.before for question in joiner.asked if isinstance(question, frames.History)]
    assert befores == [11, 31, 41]


def test_a_flood_is_held_back_up_to_a_bound_and_the_past_comes_later_then() -> None:
    joiner = Joiner()

    joiner.hear(*(said(11 + number) for number in range(HELD_MAX + 1)))
    joiner.page(said(10))

    assert joiner.heard[0] == "new 11"
    assert joiner.heard[-1] == "past 10"
    assert len(joiner.heard) == HELD_MAX + 2


def marks(epoch: str = "e", **ids: int) -> ReadMarks:
    """Marks that somebody left behind at 60 s."""
    return ReadMarks({room: ReadMark(number, 60.0) for room, number in ids.items()}, epoch)


def test_new_entries_are_set_off_from_read_ones() -> None:
    left_behind = marks(lobby=8)
    joiner = Joiner(marks=left_behind)

    joiner.page(said(7), said(8), said(9), said(10))
    joiner.members("alice")

    assert joiner.heard == ["past 7", "past 8", "2 since 60", "past 9", "past 10", "1 here"]
    assert left_behind.marks == {"lobby": ReadMark(10, 99.0)}


def test_our_own_late_lines_are_nothing_new() -> None:
    alone, joiner = Joiner(marks=marks(lobby=8)), Joiner(marks=marks(lobby=8))

    alone.page(said(8), said(9, author="alice"), said(10, author="alice"))
    joiner.page(said(8), said(9, author="alice"), said(10), said(11, author="alice"))
    for each in (alone, joiner):
        each.members("alice")

    assert alone.heard == ["past 8", "past 9", "past 10", "1 here"]
    assert joiner.heard == ["past 8", "past 9", "1 since 60", "past 10", "past 11", "1 here"]


def test_of_much_that_is_new_all_is_counted_and_the_last_shown() -> None:
    joiner = Joiner(history_lines=2, marks=marks(lobby=1))

    history = joiner.asked[0]
    joiner.page(*map(said, range(2, 11)), damaged=[3, 9])

    assert isinstance(history, frames.History)
    assert history.limit == COUNTED_MAX
    assert joiner.heard == ["9 since 60", "past 9", "past 10", "damaged 9"]


def test_without_new_entries_there_is_no_line() -> None:
    joiner = Joiner(marks=marks(lobby=8))

    joiner.page(said(7), said(8))

    assert joiner.heard == ["past 7", "past 8"]


def test_marks_of_another_epoch_mean_nothing() -> None:
    left_behind = marks("another", lobby=8)
    joiner = Joiner(marks=left_behind)

    joiner.page(said(9), said(10))

    assert joiner.heard == ["past 9", "past 10"]
    assert (left_behind.epoch, left_behind.marks) == ("e", {"lobby": ReadMark(10, 99.0)})


def test_new_entries_of_other_rooms_are_counted_and_shown_on_joining() -> None:
    left_behind = marks(lobby=10, dev=8, ops=10)
    joiner = Joiner(rooms=("lobby", "dev", "ops", "den"), marks=left_behind)
    (count,) = (asked for asked in joiner.asked if isinstance(asked, frames.History) and asked.room != "lobby")

    joiner.hear(frames.Page(entries=[said(8), said(9, room="dev")], more=False, key=count.key))
    joiner.hear(*(frames.Error(code="no", text="no", key=asked.key) for asked in joiner.asked[:2]))
    joiner.hear(said(11, room="dev"))
    left_behind.read("dev", 11, 100.0)
    unread = dict(left_behind.marks)
    joiner.ask(frames.Join(room="dev", key="j"))
    joiner.hear(frames.Joined(room=info("dev"), key="j"))
    joiner.page(said(8, room="dev"), said(9, room="dev"))

    assert count.room == "dev"
    assert joiner.heard == ["1 since 60 in dev", "new 11", "past 8", "1 since 60", "past 9"]
    assert unread["dev"] == ReadMark(8, 60.0)
    ids = {name: mark.id for name, mark in left_behind.marks.items()}
    assert ids == {"lobby": 10, "dev": 11, "ops": 10, "den": 10}


def test_only_some_rooms_are_counted_at_once_and_all_in_the_end() -> None:
    rooms = [f"r{number}" for number in range(10)]
    joiner = Joiner(rooms=("lobby", *rooms), marks=marks(**dict.fromkeys(rooms, 1)))
    answered = 0

    while counts := [asked for asked in joiner.asked if isinstance(asked, frames.History)][1 + answered :]:
        assert len(counts) <= ROOMS_AT_ONCE
        joiner.hear(frames.Page(entries=[said(9)], more=False, key=counts[0].key))
        answered += 1

    assert joiner.heard == [f"1 since 60 in {room}" for room in rooms]


def test_an_entry_that_is_removed_while_it_is_held_back_is_shown_without_its_words() -> None:
    joiner, removals = Joiner(), Removals()
    joiner.hear(said(11, text="secret"), said(12))

    notice = [Received(said(13, kind="removed", author="server", removes=11), is_own=False)]
    removals.note(notice)
    joiner.backfill.change_held(removals.hide)
    joiner.page(said(9))
    joiner.members("alice")

    shown = [told.entry.text for told in joiner.told if isinstance(told, Received)]
    assert shown == ["a message of [bob] was removed", "12"]


def told_entry(number: int, author: str = "bob") -> frames.Said:
    return frames.Said(id=number, room="@", kind="told", time=60.0 + number, author=author, to="alice", text="psst")


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        (ReadMark(6, 33.0), ["2 since 33", "past 7", "past 8", "past 9"]),
        (None, ["2 since 67", "past 7", "past 8", "past 9"]),
        (ReadMark(9, 33.0), []),
    ],
)
def test_private_messages_that_waited_are_shown_below_a_line(mark: ReadMark | None, expected: list[str]) -> None:
    joiner = Joiner(marks=ReadMarks({"@": mark} if mark else {}, "e"))
    joiner.page()
    joiner.members("alice")
    joiner.told.clear()

    joiner.hear(frames.News(rooms={}, waiting=2))
    joiner.hear(said(12))
    question = joiner.asked[-1]
    assert isinstance(question, frames.History)
    assert (question.room, question.before) == ("@", 11)
    entries = [told_entry(5), told_entry(7), told_entry(8, "alice"), told_entry(9)]
    joiner.hear(frames.Page(entries=entries, more=True, key=question.key))

    assert joiner.heard == [*expected, "new 12"]


def test_nothing_is_asked_for_where_nothing_waited() -> None:
    joiner = Joiner()
    joiner.page()
    joiner.members("alice")
    asked = len(joiner.asked)

    joiner.hear(frames.News(rooms={"dev": frames.RoomNews(14, 2)}, waiting=0))

    assert len(joiner.asked) == asked
    assert joiner.told[-1] == ServerNews({"dev": frames.RoomNews(14, 2)}, 0)


@pytest.mark.parametrize("is_remembered", [True, False])
def test_new_entries_of_other_rooms_are_counted_here_unless_the_server_does(is_remembered: bool) -> None:
    marks = ReadMarks({"lobby": ReadMark(10, 33.0), "dev": ReadMark(6, 33.0)}, "e")
    member = frames.MemberMemory(rooms=[], ignored=[], marks={}) if is_remembered else None

    joiner = Joiner(marks=marks, rooms=("lobby", "dev"), member=member)

    asked = [question.room for question in joiner.asked if isinstance(question, frames.History)]
    assert asked == (["lobby"] if is_remembered else ["lobby", "dev"])
