"""Members in step: what a pass offers them, whatever happens between two offers of it."""

from dataclasses import dataclass, field

import pytest

from tests.chat.conftest import HeldOutlet
from trio_chat.chat.client import Client
from trio_chat.chat.cohort import Cohort
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.room import Member, Room


@dataclass
class Taker:
    """A sink that takes all that it is offered, unless it raises an error once."""

    taken: bytes = b""
    error: type[BaseException] | None = None

    def send(self, data: bytes, /) -> int:
        error, self.error = self.error, None
        if error:
            raise error
        self.taken += data
        return len(data)


@dataclass
class Hall:
    """A room with members in step, to which sends are free."""

    window: Window = field(default_factory=Window)
    sinks: list[Taker] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        encoders = dict.fromkeys(Mode, lambda entry: f"{entry.draft.text}\n".encode())
        self.room = Room("dev", encoders, window=self.window, after_id=0)

    def enter(self, count: int) -> Cohort[Member]:
        for port in range(count):
            outlet = HeldOutlet()
            self.sinks.append(Taker())
            outlet.sink = self.sinks[-1]
            client = Client(f"c{port}", "10.0.0.1", port, mode=Mode.LINES, outlet=outlet)
            self.members.append(self.room.admit(client))
            client.members[self.room] = self.members[-1]
        return self.room.cohorts[Mode.LINES]

    def say(self, *texts: str) -> None:
        end = self.room.log.end
        entries = [Entry(number, 0.0, Draft("dev", Kind.SAID, "x", text)) for number, text in enumerate(texts, end + 1)]
        self.room.append(entries, lambda client_id: None)

    @property
    def taken(self) -> list[str]:
        return [sink.taken.decode() for sink in self.sinks]


def test_a_pass_that_was_cut_off_goes_on_before_the_next_one_begins() -> None:
    hall = Hall()
    cohort = hall.enter(3)
    hall.say("one")
    cohort.begin_pass()
    cohort.offer(1)
    hall.say("two")

    while any(member.cursor < 2 for member in hall.members):
        cohort.begin_pass()
        cohort.offer(5)

    assert hall.taken == ["one\ntwo\n"] * 3


def test_an_entry_that_is_removed_during_a_pass_is_not_offered_any_more() -> None:
    hall = Hall()
    cohort = hall.enter(3)
    hall.say("secret")
    cohort.begin_pass()
    cohort.offer(1)

    hall.room.replace(Entry(1, 0.0, Draft("dev", Kind.SAID, "x", "gone")))

    assert not cohort.unserved
    assert [member.slice()[0] for member in cohort.apart] == [b"gone\n"] * 2
    assert sorted(hall.taken) == ["", "", "secret\n"]


def test_whoever_took_a_slice_is_not_offered_it_again_where_memory_ran_out_behind_them() -> None:
    hall = Hall()
    cohort = hall.enter(4)
    hall.sinks[2].error = MemoryError
    hall.say("one")
    cohort.begin_pass()

    with pytest.raises(MemoryError):
        cohort.offer(4)
    cohort.offer(4)

    assert hall.taken == ["one\n"] * 4


def test_a_member_without_room_and_one_without_connection_keep_nothing_from_those_behind_them() -> None:
    hall = Hall()
    cohort = hall.enter(5)
    hall.sinks[0].error, hall.sinks[3].error = BlockingIOError, ConnectionResetError
    hall.say("one")
    cohort.begin_pass()

    refusing = cohort.offer(5)

    assert refusing == [hall.members[0]] == list(cohort.apart)
    assert hall.members[0].slice() == (b"one\n", 1)
    assert hall.taken == ["", "one\n", "one\n", "", "one\n"]
    assert [type(member.outlet.fault) for member in hall.members if member.outlet.fault] == [ConnectionResetError]


def test_a_member_that_left_is_in_no_cohort_and_the_last_one_takes_the_cohort_along() -> None:
    hall = Hall()
    cohort = hall.enter(2)

    for member in hall.members:
        hall.room.remove(member.client)
        assert member not in cohort.apart
        hall.room.depart(member)

    assert not cohort.unserved
    assert not hall.room.cohorts


def test_bytes_that_are_sent_in_step_count_for_each_of_them_and_for_all() -> None:
    hall = Hall()
    cohort = hall.enter(3)
    hall.say("one", "two")
    cohort.begin_pass()
    cohort.offer(2)

    late = hall.members[-1]
    cohort.step_out(hall.members[0])

    assert [member.client.bytes_out for member in hall.members] == [8, 8, 0]
    assert cohort.bytes_sent + sum(member.outlet.bytes_out for member in hall.members) == 16
    cohort.offer(1)
    assert late.client.bytes_out == 8
    assert late.cursor == 2


def test_nobody_is_in_step_whose_outlet_is_paused_has_no_sink_or_stands_elsewhere() -> None:
    hall = Hall()
    cohort = hall.enter(3)
    paused, own, behind = hall.members
    for member in hall.members:
        cohort.step_out(member)
    paused.outlet.is_paused = True
    own.leave_out([0])
    behind.cursor = 0
    hall.say("one")
    cohort.begin_pass()

    for member in hall.members:
        cohort.step_in(member)

    assert list(cohort.apart) == [paused, own, behind]


def test_whoever_steps_out_and_in_during_a_pass_spoils_it_for_nobody() -> None:
    hall = Hall()
    cohort = hall.enter(3)
    hall.say("one")
    cohort.begin_pass()
    cohort.offer(2)

    cohort.step_out(hall.members[0])
    cohort.step_in(hall.members[0])
    cohort.offer(3)

    assert hall.taken == ["one\n"] * 3
    cohort.step_in(hall.members[0])
    assert not cohort.apart
