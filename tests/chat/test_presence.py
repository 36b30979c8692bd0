"""Overdue notices, replayed as those who read the history would."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.crowd import NOTICES_PER_TICK
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.presence import overdue_notices
from trio_chat.chat.session_record import SessionRecord
from trio_chat.selftest.presence import PresenceReplay

Here = Mapping[str, SessionRecord]

OWNERS = ("c1", "c2", "s1", "s2", "s3")
NICKS = ("", "alice", "bob", "carol")
ROOMS = ("lobby", "ops", "dev")


def record(owner: str, nick: str, *rooms: str) -> SessionRecord:
    mode = "lines" if owner.startswith("c") else "frames"
    return SessionRecord(owner, mode, nick or f"10.0.0.1:{owner}", nick, rooms)


@st.composite
def everyone(draw: st.DrawFn) -> Here:
    """The clients present at one time, each with a name of its own."""
    owners = draw(st.lists(st.sampled_from(OWNERS), unique=True))
    nicks = draw(st.permutations(NICKS + ("",) * len(OWNERS)))
    rooms = st.lists(st.sampled_from(ROOMS), unique=True)
    return {owner: record(owner, nick, *draw(rooms)) for owner, nick in zip(owners, nicks, strict=False)}


def differences(kept: Here, now: Here):
    return [(kept.get(owner), now.get(owner)) for owner in sorted({*kept, *now})]


def entries(drafts: list[Draft]) -> list[Entry]:
    return [Entry(number, 0.0, draft) for number, draft in enumerate(drafts, 1)]


def present(here: Here) -> dict[str, list[str]]:
    return {room: [it.label for it in here.values() if room in it.rooms] for room in ROOMS}


@given(kept=everyone(), now=everyone())
def test_the_notices_lead_from_those_who_were_kept_to_those_who_are_here(kept: Here, now: Here) -> None:
    replay = PresenceReplay()
    replay.feed(entries(overdue_notices(differences({}, kept))))

    replay.feed(entries(overdue_notices(differences(kept, now))))

    assert replay.faults_against(present(now)) == []


@given(here=everyone())
def test_a_session_that_did_not_change_has_no_notice(here: Here) -> None:
    assert overdue_notices(differences(here, here)) == []


def test_names_handed_on_are_told_in_an_order_in_which_each_is_free() -> None:
    kept = [record("s1", "alice", "lobby"), record("s2", "bob", "lobby")]
    now = [record("s1", "carol", "lobby"), record("s2", "alice", "lobby")]

    told = overdue_notices(zip(reversed(kept), reversed(now), strict=True))

    assert [(it.author, it.text) for it in told] == [("alice", "carol"), ("bob", "alice")]


@pytest.mark.parametrize(
    ("kept", "now", "kind", "text"),
    [
        (None, record("c1", "", "lobby"), "joined", ""),
        (record("c1", "", "lobby"), None, "left", ""),
        (record("c1", "", "lobby"), record("c1", "", "lobby", "ops"), "joined", "#ops"),
        (record("c1", "", "lobby", "ops"), record("c1", "", "lobby"), "left", "#ops"),
    ],
)
def test_a_move_is_told_apart_from_coming_and_going(kept, now, kind: str, text: str) -> None:
    [told] = overdue_notices([(kept, now)])

    assert (told.kind, told.text, told.client) == (kind, text, "c1")


def test_of_very_many_only_the_first_are_told_one_by_one() -> None:
    many = [(None, record(f"s{number}", f"n{number}", "lobby")) for number in range(NOTICES_PER_TICK + 50)]

    *each, last = overdue_notices(many)

    assert len(each) == NOTICES_PER_TICK
    assert (last.kind, last.text) == (Kind.CROWD, "50 joined")
