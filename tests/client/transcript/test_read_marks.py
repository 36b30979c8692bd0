"""Read marks that a client and the server share."""

from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.read_marks import MARKS_MAX, ReadMarks
from trio_chat.wire import frames


def test_marks_of_the_server_and_of_the_client_only_rise() -> None:
    marks = ReadMarks({"lobby": ReadMark(5, 1.0), "dev": ReadMark(9, 1.0)}, "e")

    marks.merge({"lobby": frames.Mark(7, 2.0), "dev": frames.Mark(3, 2.0), "@": frames.Mark(4, 2.0)}, "e")

    assert {room: mark.id for room, mark in marks.marks.items()} == {"lobby": 7, "dev": 9, "@": 4}
    assert marks.of_last_time("lobby") == ReadMark(7, 2.0)


def test_marks_of_another_epoch_are_forgotten_first() -> None:
    marks = ReadMarks({"lobby": ReadMark(500, 1.0)}, "old")

    marks.merge({"lobby": frames.Mark(7, 2.0)}, "new")

    assert (marks.epoch, dict(marks.marks)) == ("new", {"lobby": ReadMark(7, 2.0)})


def test_what_is_read_elsewhere_is_nothing_new_here() -> None:
    marks = ReadMarks({"dev": ReadMark(5, 1.0)}, "e")
    assert marks.has_news("dev", 9)

    marks.read_elsewhere("dev", 9, 3.0)
    marks.read_elsewhere("dev", 2, 4.0)

    assert not marks.has_news("dev", 9)
    assert marks.marks["dev"] == ReadMark(9, 3.0)


def test_a_hostile_server_gives_neither_more_marks_nor_other_ids_than_there_can_be() -> None:
    marks = ReadMarks(epoch="e")

    marks.merge({f"r{number}": frames.Mark(2**200, 1.0) for number in range(5000)}, "e")
    for number in range(5000):
        marks.read_elsewhere(f"s{number}", -(2**200), 1.0)

    assert len(marks.marks) <= MARKS_MAX
    assert {mark.id for mark in marks.marks.values()} == {2**63 - 1}
