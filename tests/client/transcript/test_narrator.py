"""The items that a narrator renders, for any view: with a state of the link, and no link."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from trio_chat.client.link.events import (
    Answered,
    Connected,
    GapFound,
    LinkEvent,
    LinkNotice,
    Message,
    MessageWaits,
    Received,
    RecipientAway,
    RoomJoined,
    ServerNews,
)
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.rendered import RenderedOutput
from trio_chat.client.transcript.transcript import Style, Transcript, is_mention, paint
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.wire import frames


@dataclass
class State:
    """The state of a link, as plain data."""

    label: str = "me"
    account: str = ""
    is_connected: bool = True
    rooms: dict[str, str] = field(default_factory=lambda: {"lobby": "", "dev": "tests"})
    pending: tuple[Message, ...] = ()

    def newest_id_before(self, _room: str) -> int | None:
        return None


@pytest.fixture
def narrator() -> Narrator:
    return Narrator(Transcript(Catalogue()))


def said(number: int, **fields: Any) -> frames.Said:
    values = {"id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "bob", "text": "hi"}
    return frames.Said(**values | fields)


def seen(output: RenderedOutput) -> list[tuple[str, int | None, str | None, str]]:
    return [(item.room, item.id, item.kind, paint(item.rows, is_coloured=False)) for item in output.items]


def test_an_entry_keeps_its_room_id_and_kind(narrator: Narrator) -> None:
    output = narrator.render(Received(said(7, room="dev", kind="acted"), is_own=False), State())

    assert seen(output) == [("dev", 7, "acted", "#dev * [bob] hi\n")]


def test_a_page_of_history_is_one_item_an_entry_in_the_order_of_their_ids(narrator: Narrator) -> None:
    page = frames.Page(entries=[said(7), said(9, kind="joined")], damaged=[8], more=False, key="k")

    output = narrator.render(Answered(frames.History(room="lobby"), page), State())

    assert [(room, number, kind) for room, number, kind, _ in seen(output)] == [
        ("lobby", 7, "said"),
        ("lobby", 8, None),
        ("lobby", 9, "joined"),
    ]


@pytest.mark.parametrize(
    ("you", "text", "marked"),
    [
        ("小明", "小明你好", "小明"),
        ("小明", "请问小明在吗", "小明"),
        ("bob", "bob你看", "bob"),
        ("José", "thanks jose!", "jose"),
        ("bob", "🙂bob", "bob"),
        ("bob", "bob-2, kebob", ""),
    ],
)
def test_a_name_calls_in_text_without_spaces_too(you: str, text: str, marked: str) -> None:
    entry = frames.Said(id=1, room="lobby", kind="said", time=0.0, author="alice", text=text)

    (row,) = Transcript(Catalogue()).entry(entry, room="lobby", you=you)

    assert is_mention(entry, you) == bool(marked)
    assert "".join(part.text for part in row if part.style is Style.MENTION) == marked
    assert "".join(part.text for part in row) == f"[alice]> {text}"


def test_an_item_that_mentions_the_person_says_so_in_its_room(narrator: Narrator) -> None:
    entries = [said(1, room="dev", text="hello me"), said(2), said(3, room="@", kind="told", to="me")]

    items = [item for entry in entries for item in narrator.render(Received(entry, is_own=False), State()).items]

    assert [(item.room, item.is_mention) for item in items] == [("dev", True), ("lobby", False), ("@", True)]


def test_notices_about_a_room_belong_to_it_and_are_no_entries(narrator: Narrator) -> None:
    members = frames.Members(room="dev", count=1, labels=["me"], key="k")
    events = [RoomJoined("dev", "tests"), Answered(frames.Who(room="dev"), members), GapFound("dev", 3, "slow")]

    items = [item for event in events for item in narrator.render(event, State()).items]

    assert {(item.room, item.id, item.kind) for item in items} == {("dev", None, None)}


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (GapFound("dev", 0, "pruned"), "the server no longer keeps some messages in #dev that you missed"),
        (GapFound("@", 0, "pruned"), "the server no longer keeps some messages sent to you alone that you missed"),
        (GapFound("dev", 2, "unreadable"), "the server cannot read 2 messages in #dev that you missed"),
        (GapFound("dev", 1, "slow"), "you missed 1 message in #dev"),
        (GapFound("dev", 0, "something new"), "you missed some messages in #dev"),
    ],
)
def test_a_gap_says_why_something_is_missing(narrator: Narrator, gap: GapFound, text: str) -> None:
    [item] = narrator.render(gap, State()).items

    assert ["".join(part.text for part in row) for row in item.rows] == [f"*** {text} ***"]


@pytest.mark.parametrize(("label", "row"), [("", "  hi\n"), ("me", "  [me]> hi\n")])
def test_what_waits_from_last_time_names_its_author_where_the_name_is_known(
    narrator: Narrator, label: str, row: str
) -> None:
    waiting = frames.Say(room="lobby", text="hi", key="k")

    [item] = narrator.render_pending(State(label=label, pending=(waiting,))).items

    assert paint(item.rows, is_coloured=False).endswith(row)


@pytest.mark.parametrize(
    ("away_s", "left_s", "told"),
    [(11.8, 0.2, "has been away for 12 s"), (0.4, 59.6, "has just lost the connection")],
)
def test_a_message_that_waits_for_somebody_says_for_how_long(
    narrator: Narrator, away_s: float, left_s: float, told: str
) -> None:
    [item] = narrator.render(RecipientAway("bob", away_s, left_s), State()).items

    rest = f"this waits for them, for {max(1, round(left_s))} s more"
    assert paint(item.rows, is_coloured=False) == f"*** [bob] {told}: {rest} ***\n"


def test_notices_about_the_connection_are_no_items_of_the_transcript(narrator: Narrator) -> None:
    connected = Connected("me", ("lobby",), is_again=False, is_other_epoch=False)

    full = LinkNotice("the disk is full")
    greeting, notice = (narrator.render(event, State()) for event in (connected, full))

    assert greeting == RenderedOutput(greeting="you are [me] in #lobby", event=connected)
    assert notice == RenderedOutput(notices=("the disk is full",), event=full)


def test_a_crowd_is_summed_up_for_a_person_and_told_in_full_to_a_pipe() -> None:
    now = [1000.0]
    person, pipe = (Narrator(Transcript(Catalogue()), clock=lambda: now[0]) for _ in range(2))
    person.is_for_person = True
    comings = [Received(said(n, kind="joined", author=f"p{n}"), is_own=False) for n in range(12)]

    shown = [sum(bool(narrator.render(event, State()).items) for event in comings) for narrator in (person, pipe)]
    delays = [person.presence_delay_s(), pipe.presence_delay_s()]
    now[0] += 3.0
    summary = person.take_summary()

    assert (shown, delays) == ([4, 12], [3.0, None])
    assert summary is not None
    assert [text for *_, text in seen(summary)] == ["*** 8 came ***\n"]
    assert person.take_summary() is None


def test_one_notice_that_was_held_back_is_shown_as_it_is() -> None:
    now = [1000.0]
    narrator = Narrator(Transcript(Catalogue()), clock=lambda: now[0])
    narrator.is_for_person = True
    for number in range(5):
        narrator.render(Received(said(number, kind="joined", author=f"p{number}"), is_own=False), State())
    now[0] += 3.0

    summary = narrator.take_summary()

    assert summary is not None
    assert [text for *_, text in seen(summary)] == ["*** [p4] joined #lobby ***\n"]


def test_what_was_said_today_has_no_date_in_the_past_that_a_person_reads() -> None:
    page = frames.Page(entries=[said(7, time=86400 * 3 - 60.0), said(9, time=86400 * 3 + 60.0)], more=False, key="k")
    narrator = Narrator(Transcript(Catalogue()), clock=lambda: 86400 * 3 + 120.0)
    history = Answered(frames.History(room="lobby"), page)

    on_a_pipe = [text.partition(" [")[0] for *_, text in seen(narrator.render(history, State()))]
    narrator.is_for_person = True
    for_a_person = [text.partition(" [")[0] for *_, text in seen(narrator.render(history, State()))]

    days = {time[:10] for time in on_a_pipe}
    assert {len(time) for time in on_a_pipe} == {len("2026-11-28 10:32")}
    assert [len(time) for time in for_a_person] == ([16, 5] if len(days) == 2 else [5, 5])


def test_who_is_ignored_stays_so_through_a_rename_told_in_two_rooms(narrator: Narrator) -> None:
    narrator.people.ignore("bob")
    connected = Connected("me", ("lobby", "dev"), is_again=False, is_other_epoch=False)
    renamed = [Received(said(1, room=room, kind="renamed", text="rob"), is_own=False) for room in connected.rooms]

    narrator.people.update([connected, *renamed], "me")

    assert narrator.people.ignored.names == ["rob"]
    assert narrator.render(Received(said(3, author="rob"), is_own=False), State()).items == ()


def test_a_rename_of_our_own_is_told_once_in_the_room_where_we_speak(narrator: Narrator) -> None:
    narrator.is_for_person = True
    narrator.room = "dev"
    state = State(label="new", rooms={"lobby": "", "dev": ""})
    renamed = [said(1, room=room, kind="renamed", author="old", text="new") for room in state.rooms]

    items = [item for entry in renamed for item in narrator.render(Received(entry, is_own=False), state).items]

    assert [item.room for item in items] == ["dev"]


def rendered(narrator: Narrator, event: LinkEvent, **state: Any) -> list[str]:
    return paint(narrator.render(event, State(**state)).rows, is_coloured=False).splitlines()


def entry_by(author: str, **fields: Any) -> Received:
    values = {"id": 1, "room": "lobby", "kind": "said", "time": 0.0, "author": author, "text": "hi"}
    return Received(frames.Said(**values | fields), is_own=False)


def test_a_proven_name_has_its_mark_in_every_view_and_no_other_has(narrator: Narrator) -> None:
    narrator.shows_own = True
    account = {"account": "9f"}

    assert rendered(narrator, entry_by("alice", **account)) == ["[alice®]> hi"]
    assert rendered(narrator, entry_by("alice")) == ["[alice]> hi"]
    told = entry_by("bob", kind="told", to="alice", room="@", to_account="9f")
    assert rendered(narrator, told) == ["[bob -> alice®]> hi"]
    members = frames.Members(room="lobby", count=2, labels=["me", "bob"], proven=["me"])
    answered = Answered(frames.Who(room="lobby"), members)
    assert rendered(narrator, answered, account="9f") == ["*** 2 in #lobby: [me®] (you), [bob] ***"]
    assert narrator.prompt(80) == "[me®] #lobby> "
    rendered(narrator, answered)
    assert narrator.prompt(80) == "[me] #lobby> "


def test_a_name_has_one_style_with_its_mark_and_without(narrator: Narrator) -> None:
    [proven] = narrator.render(entry_by("alice", account="9f"), State()).rows
    [guest] = narrator.render(entry_by("alice"), State()).rows

    assert proven[0].style == guest[0].style


def test_what_waits_for_a_member_and_what_is_new_elsewhere_is_told(narrator: Narrator) -> None:
    assert rendered(narrator, MessageWaits("bob")) == ["*** [bob®] is not here: this waits for them ***"]
    news = {"lobby": frames.RoomNews(9, 9), "dev": frames.RoomNews(14, 2), "ops": frames.RoomNews(1, 0)}
    assert rendered(narrator, ServerNews(news, 0)) == ["*** #dev: 14 new, 2 for you ***", "*** #ops: 1 new ***"]
    many = {f"r{number}": frames.RoomNews(1, 0) for number in range(30)}
    assert rendered(narrator, ServerNews(many, 0))[-2:] == ["*** #r19: 1 new ***", "*** and 10 more rooms ***"]
    assert rendered(narrator, ServerNews({}, 3)) == []


def test_a_password_is_not_shown_again(narrator: Narrator) -> None:
    assert paint(narrator.echo("/login alice correct horse"), is_coloured=False) == "> /login alice ••••\n"


def test_a_muted_room_shows_what_calls_the_person_and_everything_while_they_look_at_it(narrator: Narrator) -> None:
    narrator.muted.add_all(["dev"])
    state = State()

    quiet = narrator.render(Received(said(1, room="dev"), is_own=False), state)
    called = narrator.render(Received(said(2, room="dev", text="me: hi"), is_own=False), state)
    elsewhere = narrator.render(Received(said(3), is_own=False), state)
    narrator.room = "dev"
    looked_at = narrator.render(Received(said(4, room="dev"), is_own=False), state)

    assert [bool(output.items) for output in (quiet, called, elsewhere, looked_at)] == [False, True, True, True]
    assert narrator.muted.remove("dev")
    assert not narrator.muted.remove("dev")
