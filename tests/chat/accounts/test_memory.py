"""The bounds of what is remembered of one member: rooms, ignored names and read marks."""

import pytest

from trio_chat.chat.accounts.account import AccountMemory, RoomMark
from trio_chat.chat.accounts.memory import IGNORED_MAX, MAILBOX, MARKS_MAX, ROOMS_MAX, LiveMemory


@pytest.fixture
def memory() -> LiveMemory:
    return LiveMemory(AccountMemory())


def mark(number: int) -> RoomMark:
    return RoomMark(number, float(number))


def test_rooms_are_remembered_up_to_a_bound_and_one_that_is_left_makes_room(memory: LiveMemory) -> None:
    for number in range(ROOMS_MAX + 5):
        memory.enter(f"room{number}", mark(1))
    assert memory.now.rooms == tuple(f"room{number}" for number in range(ROOMS_MAX))

    memory.leave("room7")
    memory.enter("late", mark(1))

    assert len(memory.now.rooms) == ROOMS_MAX
    assert {"room7", "late"} & {*memory.now.rooms} == {"late"}


def test_a_room_entered_again_changes_nothing(memory: LiveMemory) -> None:
    assert memory.enter("dev", mark(5))

    assert not memory.enter("dev", mark(9))
    assert memory.mark_of("dev") == mark(5)


def test_with_a_room_that_is_left_goes_its_mark(memory: LiveMemory) -> None:
    memory.enter("dev", mark(5))

    assert memory.leave("dev")
    assert not memory.leave("dev")
    assert memory.now == AccountMemory()
    memory.enter("dev", mark(9))
    assert memory.mark_of("dev") == mark(9)


def test_a_mark_never_goes_back(memory: LiveMemory) -> None:
    assert memory.read("dev", mark(5))

    assert not memory.read("dev", mark(4))
    assert not memory.read("dev", RoomMark(5, 99.0))
    assert memory.mark_of("dev") == mark(5)


def test_of_too_many_marks_the_oldest_goes_but_never_that_of_the_mailbox(memory: LiveMemory) -> None:
    memory.read(MAILBOX, mark(1))
    for number in range(2, MARKS_MAX + 4):
        memory.read(f"room{number}", mark(number))

    assert len(memory.now.marks) == MARKS_MAX
    assert memory.mark_of(MAILBOX) == mark(1)
    assert [it for it in range(2, 6) if memory.mark_of(f"room{it}")] == [5]


def test_a_mark_that_is_the_oldest_itself_takes_the_place_of_another(memory: LiveMemory) -> None:
    for number in range(2, MARKS_MAX + 2):
        memory.read(f"room{number}", mark(number))

    assert memory.read("old", mark(1))
    assert len(memory.now.marks) == MARKS_MAX
    assert memory.mark_of("old") == mark(1)


def test_ignored_names_are_bounded_and_each_stands_once(memory: LiveMemory) -> None:
    names = [f"name{number}" for number in range(IGNORED_MAX + 3)]

    assert memory.ignore([*names[:2], *names])
    assert memory.now.ignored == tuple(names[:IGNORED_MAX])
    assert not memory.ignore(names)
    assert memory.ignore([])
    assert memory.now.ignored == ()


def test_a_copy_stays_as_it_is(memory: LiveMemory) -> None:
    memory.read("dev", mark(1))
    copy = memory.now

    memory.read("dev", mark(2))

    assert copy.marks["dev"] == mark(1)
