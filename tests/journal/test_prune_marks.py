"""Marks of pruning in memory."""

from trio_chat.journal.prune_marks import PruneMarks


def test_of_too_many_marks_the_lowest_become_one() -> None:
    marks = PruneMarks(marks_max=8)

    for number in range(1, 101):
        marks.raise_to(f"room{number}", number)

    assert marks.of("room100") == 100
    assert marks.of("nobody") < 100
    assert all(marks.of(f"room{number}") >= number for number in range(1, 101))
    assert len(marks._marks) <= 8


def test_a_mark_never_falls() -> None:
    marks = PruneMarks()

    marks.raise_to("ops", 7)
    marks.raise_to("ops", 3)

    assert marks.of("ops") == 7
