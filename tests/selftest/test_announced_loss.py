"""Loss that Redis announces is told apart from loss in silence."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from trio_chat.selftest.announced_loss import ID_JUMP, AnnouncedLoss, describe_loss, discount_announced_loss
from trio_chat.selftest.checker import OTHER_EPOCH, Recording, ShownEntry, check_history

FAR = 7 + ID_JUMP


def said(number: int, author: str, text: str) -> ShownEntry:
    return ShownEntry(number, "lobby", "said", author, text)


def told(number: int, text: str, room: str = "@") -> ShownEntry:
    return ShownEntry(number, room, "told", "alice", text)


ONE, TWO, THREE = said(3, "alice", "one"), said(4, "bob", "two"), said(5, "alice", "three")
LOST, LOST_MAIL = said(6, "alice", "lost"), told(7, "psst")
MISSED, SENT_MAIL, MAIL = said(FAR + 1, "alice", "missed"), told(FAR + 2, "hush"), told(FAR + 3, "hush")
LAST = said(FAR + 4, "bob", "last")
BEFORE = told(2, "hello bob")
HISTORY = (
    BEFORE._replace(room="@b"),
    *(ONE, TWO, THREE, MISSED),
    *(SENT_MAIL._replace(room="@a"), MAIL._replace(room="@b")),
    LAST,
)


def alice() -> Recording:
    """She stayed connected all the time, and sees entries that nobody else will."""
    return Recording(
        "alice",
        said={"1": "one", "3": "three", "6": "lost", "8": "missed"},
        told={"0": ("bob", "hello bob"), "7": ("bob", "psst"), "9": ("bob", "hush")},
        echoed=["hello bob", "psst", "hush"],
        shown=[ONE, TWO, THREE, LOST, LOST_MAIL, MISSED, SENT_MAIL, LAST],
        sent=["0", "1", "3", "6", "7", "8", "9"],
    )


def bob() -> Recording:
    """He was away when entries were lost, and was told so."""
    said = {"2": "two", "l": "last"}
    shown = [BEFORE, ONE, TWO, LAST]
    return Recording(
        "bob", said=said, heard=["hello bob"], shown=shown, sent=["2", "l"], other_gaps=[OTHER_EPOCH], epoch_changes=[3]
    )


def violations_of(recordings: Sequence[Recording]) -> list[str]:
    return check_history(HISTORY, discount_announced_loss(HISTORY, recordings)[0])


def test_what_was_lost_and_what_was_missed_by_those_who_were_told_is_no_broken_promise() -> None:
    _, loss = discount_announced_loss(HISTORY, [alice(), bob()])

    assert violations_of([alice(), bob()]) == []
    assert loss == AnnouncedLoss(times=1, entries=2, acknowledged=2, told=1, missed=3, since=MISSED.id)
    assert list(describe_loss(loss, 2)) == [
        "lost: 2 entries that clients had been shown, 2 of them acknowledged; once",
        "announced: 1 of 2 clients were told, and missed 3 entries until then",
    ]
    assert [*describe_loss(replace(loss, places=2), 2)][2:] == [
        "places: 2 notices of coming and going, since sessions were lost with the entries"
    ]


@pytest.mark.parametrize(
    ("silent", "violation"),
    [
        (replace(bob(), other_gaps=[], epoch_changes=[]), "bob was never shown entry 5 in #lobby: alice said 'three'"),
        (
            replace(bob(), shown=[BEFORE, TWO, LAST], epoch_changes=[2]),
            "bob was never shown entry 3 in #lobby: alice said 'one'",
        ),
        (replace(bob(), shown=[BEFORE, ONE, TWO, MISSED], epoch_changes=[3]), f"bob was never shown {LAST}"),
        (replace(bob(), other_gaps=[OTHER_EPOCH, "#@ after 1: slow"]), "bob had a gap announced: #@ after 1: slow"),
        (replace(bob(), said=bob().said | {"x": "gone"}, sent=["2", "l", "x"]), "bob was told that 'gone' is kept"),
        (replace(bob(), shown=[BEFORE, ONE, TWO, LAST, LAST]), f"bob was shown entry {LAST.id} 2 times"),
        (
            replace(bob(), shown=[BEFORE, ONE, said(4, "eve", "other"), LAST]),
            "bob was shown entry 4 in #lobby: eve said",
        ),
    ],
)
def test_whatever_else_is_missing_was_lost_in_silence(silent: Recording, violation: str) -> None:
    assert any(it.startswith(violation) for it in violations_of([alice(), silent])), violations_of([alice(), silent])


def test_a_line_that_was_lost_and_said_again_counts_once() -> None:
    again, sent, received = said(FAR + 1, "alice", "lost"), told(FAR + 2, "psst"), told(FAR + 3, "psst")
    history = (ONE, again, sent._replace(room="@a"), received._replace(room="@b"))
    one = Recording(
        "alice",
        said={"1": "one", "6": "lost"},
        told={"7": ("bob", "psst")},
        echoed=["psst", "psst"],
        shown=[ONE, LOST, LOST_MAIL, again, sent],
        sent=["1", "6", "7"],
    )
    shown = [ONE, LOST, LOST_MAIL, again, received]
    other = Recording("bob", heard=["psst", "psst"], shown=shown)

    discounted, loss = discount_announced_loss(history, [one, other])

    assert check_history(history, discounted) == []
    assert loss
    assert loss.acknowledged == 0


def test_without_a_jump_of_the_ids_nothing_is_discounted() -> None:
    recordings = [alice()]

    assert discount_announced_loss((ONE, TWO, THREE), recordings) == (recordings, None)
