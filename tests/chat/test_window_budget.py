"""One budget for the windows of all rooms."""

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.conftest import HeldOutlet, World
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import Log, Mode, Window
from trio_chat.chat.window_budget import WindowBudget

IDS = count(1)


def encode(entry: Entry) -> bytes:
    return entry.draft.text.encode()


def entries(*sizes: int) -> list[Entry]:
    return [Entry(next(IDS), 0.0, Draft("lobby", Kind.SAID, "a", "x" * size)) for size in sizes]


def logs_of(budget: WindowBudget, number: int) -> list[Log]:
    logs = [Log({Mode.LINES: encode}, Window(), budget=budget) for _ in range(number)]
    for log in logs:
        log.open_track(Mode.LINES)
    return logs


def memory_of(log: Log) -> int:
    return log._memory_without(0)


@given(
    limit=st.integers(0, 20_000),
    said=st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 3000), min_size=1, max_size=5)), max_size=20),
)
def test_the_sum_of_the_windows_is_right_and_within_the_budget(
    limit: int, said: Sequence[tuple[int, list[int]]]
) -> None:
    budget = WindowBudget(limit)
    logs = logs_of(budget, 3)

    for room, sizes in said:
        logs[room].extend(entries(*sizes))

        assert budget.used_bytes == sum(map(memory_of, logs))
        assert budget.used_bytes <= limit


def test_the_largest_window_gives_up_its_older_half() -> None:
    budget = WindowBudget(100_000)
    small, large, last = logs_of(budget, 3)
    small.extend(entries(*[900] * 10))
    large.extend(entries(*[900] * 80))

    last.extend(entries(*[900] * 10))

    assert (small.base, last.base) == (0, 0)
    assert large.base == 40
    assert large.end == 80


def test_every_window_keeps_its_newest_entry_as_long_as_there_is_room_for_it() -> None:
    budget = WindowBudget(10_000)
    logs = logs_of(budget, 4)

    for log in logs * 3:
        log.extend(entries(2000))

    assert [log.end - log.base for log in logs] == [1, 1, 1, 1]


def test_a_reader_of_a_window_that_was_dropped_is_told_its_gap(world: World) -> None:
    world.chat.rooms.budget.limit_bytes = world.chat.rooms.budget.unchecked_bytes = 5000
    reader, speaker = (world.chat.connect("10.0.0.1", n, mode=Mode.LINES, outlet=HeldOutlet()) for n in (1, 2))
    member = world.chat.join(reader, "lobby")
    world.chat.join(speaker, "lobby")
    world.settle()
    before = member.room.log.end

    for _ in range(20):
        world.chat.say(speaker, world.lobby, "x" * 1000)
        world.settle()

    assert member.cursor < member.track.base
    first = member.cursor
    missed = member.catch_up()
    _, end = member.slice()
    assert first + missed == member.track.base - 1  # its own joining is not news to it
    assert end == member.room.log.end == before + 20


def test_a_window_that_nobody_reads_counts_no_more(world: World) -> None:
    budget = world.chat.rooms.budget
    client = world.chat.connect("10.0.0.1", 1, mode=Mode.LINES, outlet=HeldOutlet())
    member = world.chat.join(client, "ops")
    world.chat.say(client, member.room, "x" * 1000)
    world.chat.rooms.open_mailbox(client)
    world.settle()
    assert budget.used_bytes > 1000

    world.chat.disconnect(client)
    world.settle()
    world.chat.tick()

    assert budget.used_bytes == sum(room.log.memory_bytes for room in world.chat.rooms)
    assert budget.used_bytes < 1000


@pytest.mark.parametrize("times", [1, 2])
def test_out_of_memory_windows_are_dropped_and_the_chat_goes_on(times: int) -> None:
    world = World()
    client = world.chat.connect("10.0.0.1", 1, mode=Mode.LINES, outlet=HeldOutlet())
    member = world.chat.join(client, "lobby")
    other = world.chat.join(client, "ops")
    world.chat.say(client, other.room, "of before")
    world.settle()
    failures = iter(range(times))
    healthy = member.track.encode

    def fail_at_first(entry: Entry) -> bytes:
        if next(failures, None) is not None:
            raise MemoryError
        return healthy(entry)

    member.track.encode = fail_at_first
    end = member.room.log.end

    for text in ("one", "two"):
        world.chat.say(client, member.room, text)
        world.settle()

    assert member.room.log.end == end + 2
    assert other.room.log.base == other.room.log.end
    kept = b"".join(member.track.pieces)
    assert (b"one" in kept) == (times == 1)
    assert b"two" in kept
