"""Removed entries, in what is still to be shown."""

from typing import Any

import pytest

from trio_chat.client.link.events import Answered, Connected, LinkEvent, LinkNotice, Received
from trio_chat.client.transcript.people import People
from trio_chat.client.transcript.removals import REMEMBERED_MAX, Removals
from trio_chat.wire import frames


def received(number: int, **fields: Any) -> Received:
    values = {"id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "bob", "text": "secret"}
    return Received(frames.Said(**values | fields), is_own=False)


def notice(removes: int, *, number: int = 99, room: str = "lobby") -> Received:
    return received(number, room=room, kind="removed", author="server", text="it was removed", removes=removes)


def page(*numbers: int) -> Answered:
    return Answered(None, frames.Page(entries=[received(number).entry for number in numbers], more=False))


def texts(events: list[LinkEvent]) -> list[str]:
    entries: list[frames.Said] = []
    for event in events:
        match event:
            case Received(entry=entry):
                entries.append(entry)
            case Answered(answer=frames.Page(entries=more)):
                entries += more
    return [entry.text for entry in entries]


GONE = "a message of [bob] was removed"


def test_a_removed_entry_that_waits_to_be_shown_loses_its_words() -> None:
    removals = Removals()

    assert removals.note([received(1), notice(1)])

    assert texts(removals.hide([received(1), received(2), notice(1)])) == [GONE, "secret", "it was removed"]


def test_a_page_that_was_read_before_the_removal_loses_the_words_too() -> None:
    removals = Removals()
    removals.note([notice(2)])

    (answered,) = removals.hide([page(1, 2, 3)])

    assert texts([answered]) == ["secret", GONE, "secret"]
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, frames.Page)
    assert [entry.id for entry in answered.answer.entries] == [1, 2, 3]


def test_only_the_entry_of_the_same_room_is_meant() -> None:
    removals = Removals()
    removals.note([notice(1, room="dev")])

    assert texts(removals.hide([received(1), received(1, room="dev")])) == ["secret", GONE]


@pytest.mark.parametrize("events", [[], [received(1)], [received(1, kind="removed", text=GONE)], [LinkNotice("hi")]])
def test_nothing_changes_where_nothing_was_removed(events: list[LinkEvent]) -> None:
    removals = Removals()

    assert not removals.note(events)

    assert removals.hide(events) == events


def test_ids_of_another_epoch_mean_nothing() -> None:
    removals = Removals()
    removals.note([notice(1)])

    removals.note([Connected("me", ("lobby",), is_again=True, is_other_epoch=True)])

    assert texts(removals.hide([received(1)])) == ["secret"]


def test_very_many_removals_are_not_all_remembered() -> None:
    removals = Removals()

    removals.note([notice(number) for number in range(1, REMEMBERED_MAX + 2)])

    assert texts(removals.hide([received(1), received(2)])) == ["secret", GONE]


def test_a_topic_is_named_as_one_and_a_tombstone_stays_as_it_came() -> None:
    removals = Removals()
    removals.note([notice(1), notice(2)])

    shown = removals.hide([received(1, kind="topic"), received(2, kind="removed", text="gone")])

    assert texts(shown) == ["the topic set by [bob] was removed", "gone"]


def test_whoever_is_named_by_a_removal_is_not_taken_to_be_here() -> None:
    people = People()
    people.update([Connected("me", ("lobby",), is_again=False, is_other_epoch=False)], "me")

    people.update([received(1, kind="removed"), notice(1)], "me")

    assert people.names("lobby") == []
