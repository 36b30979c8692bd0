"""The check of presence, on histories that are wrong in one way each."""

from pathlib import Path

import pytest

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.wording import topic_changes
from trio_chat.journal import SessionRecord, open_journal
from trio_chat.selftest.presence import PresenceReplay, presence_faults

JOINED = Draft("lobby", Kind.JOINED, "alice")


def faults(*drafts: Draft, present: list[str]) -> list[str]:
    replay = PresenceReplay()
    replay.feed(Entry(number, 0.0, draft) for number, draft in enumerate(drafts, 1))
    return replay.faults_against({"lobby": present})


def notice(kind: Kind, author: str, text: str = "") -> Draft:
    return Draft("lobby", kind, author, text)


def test_a_history_that_yields_the_members_has_no_fault() -> None:
    """A claim is told as a renaming to the same name."""
    history = (
        JOINED,
        notice(Kind.RENAMED, "alice", "alice"),
        notice(Kind.RENAMED, "alice", "bob"),
        notice(Kind.SAID, "bob"),
        notice(Kind.JOINED, "carol"),
    )

    assert faults(*history, notice(Kind.KICKED, "carol"), present=["bob"]) == []


@pytest.mark.parametrize(
    ("drafts", "present", "fault"),
    [
        ([JOINED], [], "#lobby: [alice] is a ghost"),
        ([], ["alice"], "#lobby: [alice] came unseen"),
        ([JOINED, JOINED], ["alice"], "2: #lobby: [alice] joined, and was there already"),
        ([notice(Kind.LEFT, "alice")], [], "1: #lobby: [alice] left, and was not there"),
        ([notice(Kind.SAID, "alice")], [], "1: #lobby: [alice] said, and was not there"),
        ([notice(Kind.RENAMED, "alice", "bob")], ["bob"], "1: #lobby: [alice] renamed, and was not there"),
    ],
)
def test_each_wrong_notice_is_a_fault(drafts: list[Draft], present: list[str], fault: str) -> None:
    assert faults(*drafts, present=present) == [fault]


def test_a_sum_of_topics_leaves_everyone_known_by_name() -> None:
    history = (JOINED, notice(Kind.CROWD, "server", topic_changes(12)))

    assert faults(*history, present=["bob"]) == ["#lobby: [alice] is a ghost", "#lobby: [bob] came unseen"]


def test_a_member_that_may_only_be_counted_is_no_fault() -> None:
    assert faults(notice(Kind.CROWD, "server", "2 joined"), notice(Kind.LEFT, "alice"), present=["bob"]) == []


def test_those_who_came_less_those_who_are_gone_are_as_many_as_are_here() -> None:
    crowd = notice(Kind.CROWD, "server", "1,012 joined, 1,000 left, 9 were kicked and 7 took another name")
    crowds = crowd, notice(Kind.CROWD, "server", "1 was kicked")

    assert faults(*crowds, JOINED, present=["alice", "bob", "carol"]) == []
    assert faults(*crowds, JOINED, present=["bob"]) == ["#lobby: 3 by the notices, and 1 are there"]


async def test_a_journal_is_compared_with_its_sessions(tmp_path: Path) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        record = SessionRecord("s", "frames", "alice", "alice", ("lobby",))
        await journal.post(JOINED, Draft("ops", Kind.JOINED, "alice"), sessions=[record]).kept()

    assert await presence_faults(tmp_path) == ["#ops: [alice] is a ghost"]
