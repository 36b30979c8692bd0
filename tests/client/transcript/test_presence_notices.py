"""Notices of who came and who left, by the seconds at which they come."""

from typing import Any

import pytest

from trio_chat.client.transcript.presence_notices import (
    NOTICES_A_MINUTE,
    QUIET_S,
    SAME_S,
    WINDOW_S,
    PresenceNotices,
)
from trio_chat.wire.frames import Said


def notice(author: str, kind: str = "joined", **fields: Any) -> Said:
    values = {"id": 1, "room": "lobby", "kind": kind, "time": 0.0, "author": author}
    return Said(**values | fields)


def crowd(notices: PresenceNotices, count: int, now: float, *, kind: str = "joined", has_spoken: bool = False) -> int:
    """Let many come within a second. -> how many are shown by themselves"""
    return sum(notices.add(notice(f"{kind}-{now}-{n}", kind), now, has_spoken=has_spoken) for n in range(count))


def test_a_few_are_shown_one_by_one() -> None:
    notices = PresenceNotices()

    shown = [crowd(notices, 1, minute * WINDOW_S / NOTICES_A_MINUTE * 1.01) for minute in range(40)]

    assert sum(shown) == 40
    assert notices.due_at is None


def test_from_five_a_minute_they_are_summed_up_once_and_then_nothing_is_told_of_who_never_spoke() -> None:
    notices = PresenceNotices()

    shown = crowd(notices, NOTICES_A_MINUTE + 12, 0.0) + crowd(notices, 9, 1.0, kind="left")
    assert (shown, notices.due_at) == (NOTICES_A_MINUTE, 1.0 + QUIET_S)
    assert notices.take_sum(1.0) == ""
    assert notices.take_sum(1.0 + QUIET_S) == "12 came, 9 left"
    assert notices.take_sum(1.0 + QUIET_S) == ""

    assert sum(crowd(notices, 10, float(now)) for now in range(10, 300, 10)) == 0
    assert notices.due_at is None
    assert crowd(notices, 1, 500.0) == 1


def test_who_has_spoken_is_named_in_a_crowd_too_and_summed_up_at_most_once_a_minute() -> None:
    notices = PresenceNotices()
    crowd(notices, 50, 0.0)
    assert notices.take_sum(QUIET_S) == "46 came"

    shown = [crowd(notices, 10, 10.0 + turn, kind="left", has_spoken=True) for turn in range(3)]

    assert shown == [NOTICES_A_MINUTE, 0, 0]
    assert notices.take_sum(20.0) == ""
    assert notices.take_sum(QUIET_S + WINDOW_S) == "26 left"


def test_a_sum_is_shown_after_a_minute_also_where_it_goes_on() -> None:
    notices = PresenceNotices()

    for second in range(100):
        crowd(notices, 1, float(second))

    assert notices.due_at == NOTICES_A_MINUTE + WINDOW_S


@pytest.mark.parametrize(("kind", "text"), [("joined", ""), ("left", ""), ("kicked", ""), ("renamed", "rob")])
def test_one_event_is_one_notice_however_many_rooms_one_shares(kind: str, text: str) -> None:
    notices = PresenceNotices()

    shown = [notices.add(notice("bob", kind, room=room, text=text), 0.0, has_spoken=True) for room in ("a", "b", "c")]

    assert shown == [True, False, False]
    assert notices.add(notice("bob", kind, room="a", text=text, time=1.0), 1.0, has_spoken=True)
    assert notices.add(notice("bob", kind, room="b", text=text, time=2 + SAME_S), 2 + SAME_S, has_spoken=True)


def test_going_from_room_to_room_is_told_in_each() -> None:
    notices = PresenceNotices()

    assert all(notices.add(notice("bob", room=room, text=f"#{room}"), 0.0, has_spoken=False) for room in "abc")


def test_what_is_remembered_has_a_bound() -> None:
    notices = PresenceNotices()

    crowd(notices, 5000, 0.0)

    assert all(len(kept) <= 1000 for kept in (notices._recent, notices._times))
    assert notices.take_sum(WINDOW_S) == f"{5000 - NOTICES_A_MINUTE} came"


def test_a_sum_of_one_is_that_notice_itself() -> None:
    notices = PresenceNotices()
    crowd(notices, NOTICES_A_MINUTE, 0.0)

    assert not notices.add(left := notice("bob", "left"), 1.0, has_spoken=False)

    assert notices.take_sum(1.0 + QUIET_S) == left
    assert notices.take_sum(1.0 + QUIET_S) == ""
