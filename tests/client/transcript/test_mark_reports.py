"""Reports of read marks to the server."""

from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.mark_reports import MarkReports
from trio_chat.client.transcript.read_marks import MARKS_MAX
from trio_chat.wire import frames


def marks(**ids: int) -> dict[str, ReadMark]:
    return {room: ReadMark(number, 1.0) for room, number in ids.items()}


def test_a_mark_that_moves_all_the_time_keeps_no_other_waiting() -> None:
    reports = MarkReports()
    told = [reports.take(marks(busy=number, dev=7, ops=8), ["busy", "dev", "ops"], 1) for number in range(1, 5)]

    assert told == [{"busy": 1}, {"dev": 7}, {"ops": 8}, {"busy": 4}]


def test_nothing_is_told_that_the_server_has_or_of_a_room_that_we_are_not_in() -> None:
    reports = MarkReports()
    reports.begin({"dev": frames.Mark(7, 1.0)})
    reports.note("ops", 9)
    reports.note("ops", 3)

    assert reports.take(marks(dev=7, ops=8, old=5), ["dev", "ops"], 9) == {}
    assert reports.take({"@": ReadMark(4, 1.0)} | marks(dev=8), ["dev"], 9) == {"dev": 8, "@": 4}


def test_a_hostile_server_fills_no_memory_with_marks() -> None:
    reports = MarkReports()
    reports.begin({f"a{number}": frames.Mark(1, 1.0) for number in range(5000)})
    for number in range(5000):
        reports.note(f"b{number}", 1)

    wanted = {f"c{number}": ReadMark(5, 1.0) for number in range(MARKS_MAX)}
    assert len(reports.take(wanted, wanted, MARKS_MAX)) == MARKS_MAX
    assert len(reports._known) == MARKS_MAX
