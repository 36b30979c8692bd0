"""Removal of entries over HTTP."""

import json

import pytest
import trio

from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.removal import REASON_MAX
from trio_chat.journal import Damaged


@pytest.fixture
async def talk(admin):
    """Entry 2 is a line of ann in the lobby: `a secret`."""
    ann = admin.connect(4000)
    await admin.deliver()
    admin.chat.say(ann, admin.chat.rooms["lobby"], "a secret")
    await admin.deliver()
    return admin


async def audit(admin) -> list[tuple[str, str]]:
    records = (await admin.ask("GET", "/audit")).json["audit"]
    return [(record["action"], record["what"]) for record in records]


@pytest.mark.parametrize("form", ["query", "body"])
async def test_an_entry_is_removed_with_a_reason_and_its_tombstone_is_shown(talk, form):
    if form == "query":
        answer = await talk.ask("DELETE", "/rooms/%23lobby/entries/2?reason=rude")
    else:
        answer = await talk.ask("DELETE", "/rooms/lobby/entries/2", json='{"reason": "rude"}')

    assert answer.status == 200
    assert (answer.json["id"], answer.json["kind"], answer.json["author"]) == (2, "removed", "10.0.0.1:4000")
    entries = (await talk.ask("GET", "/rooms/lobby/entries")).json["entries"]
    assert [(it["id"], it["kind"], it.get("removes")) for it in entries[1:]] == [
        (2, "removed", None),
        (3, "removed", 2),
    ]
    assert entries[2]["text"] == "a message of [10.0.0.1:4000] was removed: rude"
    assert await audit(talk) == [("remove", "entry 2 of #lobby by 10.0.0.1:4000: rude")]


async def test_nothing_that_an_operator_can_read_has_the_words_of_what_was_removed(talk):
    lobby = talk.chat.rooms["lobby"]
    talk.chat.set_topic(next(iter(talk.chat.clients)), lobby, "another secret")
    await talk.deliver()

    for entry in (2, 3):
        assert (await talk.ask("DELETE", f"/rooms/lobby/entries/{entry}")).status == 200
    # The follower is sent tombstones too, as the server's is.
    found = await talk.journal.read(None, limit=9)
    talk.chat.deliver(found)
    talk.events.append_entries(found)

    answers = [await talk.ask("GET", path) for path in ("/rooms/lobby/entries", "/rooms/lobby/export", "/audit")]
    answers += [await talk.ask("GET", path) for path in ("/rooms", "/rooms/lobby/entries?q=secret", "/status")]
    assert not any("secret" in answer.text for answer in answers)
    events, _ = talk.events.read(talk.events.first, frozenset({"topic", "operator"}))
    assert b"event: remove" in events
    assert b"secret" not in events


@pytest.mark.parametrize("entry", ["0", "-1", "+2", "02", "%EF%BC%92", "9999", "x", "2.0", "1" * 18, "1" * 400, "%00"])
async def test_an_entry_that_is_not_there_is_404(talk, entry):
    answer = await talk.ask("DELETE", f"/rooms/lobby/entries/{entry}")

    assert answer.status == 404
    assert talk.journal.last_id == 2


async def test_an_entry_is_removed_only_from_its_own_room_and_never_from_a_mailbox(talk):
    talk.chat.rooms.enter("ops")
    await talk.journal.post(Draft("@mailbox", Kind.TOLD, "ann", "a secret", "bob")).kept()

    answers = [
        await talk.ask("DELETE", f"/rooms/{path}") for path in ("ops/entries/2", "lobby/entries/3", "x/entries/2")
    ]

    assert [answer.status for answer in answers] == [404, 404, 404]
    assert talk.journal.last_id == 3


async def test_an_entry_that_is_removed_twice_or_has_no_words_is_409_with_a_sentence(talk):
    first = await talk.ask("DELETE", "/rooms/lobby/entries/2")

    answers = [await talk.ask("DELETE", f"/rooms/lobby/entries/{entry}") for entry in (2, 3, 1)]

    assert first.status == 200
    assert [(answer.status, answer.json["detail"]) for answer in answers] == [
        (409, "Entry 2 was removed before."),
        (409, "Entry 3 only tells that another one was removed."),
        (409, "Entry 1 tells who came or went: only what was said can be removed."),
    ]
    assert len(await audit(talk)) == 1


async def test_of_two_who_remove_an_entry_at_once_one_is_told_that_it_was_removed_before(talk, nursery):
    answers = []

    async def remove(reason: str) -> None:
        answers.append(await talk.ask("DELETE", f"/rooms/lobby/entries/2?reason={reason}"))

    async with trio.open_nursery() as both:
        both.start_soon(remove, "one")
        both.start_soon(remove, "two")

    assert sorted(answer.status for answer in answers) == [200, 409]
    assert talk.journal.last_id == 3
    assert len(await audit(talk)) == 1


async def test_a_damaged_entry_is_409_with_a_sentence(talk, monkeypatch):
    async def read(room, **bounds):
        return [Damaged(2)]

    monkeypatch.setattr(talk.journal, "read", read)

    answer = await talk.ask("DELETE", "/rooms/lobby/entries/2")

    assert (answer.status, answer.json["detail"]) == (
        409,
        "Entry 2 is damaged: nobody can read it, and it cannot be removed.",
    )


async def test_where_the_journal_keeps_nothing_an_entry_stays_and_is_503_with_the_reason(talk, monkeypatch):
    def fail(batch):
        talk.journal.begin(batch)
        batch.error = "the disk is full"
        talk.journal.record_outcome(batch)
        talk.journal.finish(batch)

    with monkeypatch.context() as full:
        full.setattr(talk.journal, "_submit", fail)
        answer = await talk.ask("DELETE", "/rooms/lobby/entries/2")

    assert (answer.status, answer.json["detail"]) == (503, "Entry 2 was not removed: the disk is full.")
    assert (await talk.ask("GET", "/rooms/lobby/entries")).json["entries"][1]["text"] == "a secret"
    assert await audit(talk) == []


@pytest.mark.parametrize("body", ['{"reason": 1}', '{"why": "x"}', json.dumps({"reason": "x" * (REASON_MAX + 1)}), "["])
async def test_a_body_that_does_not_fit_is_400_and_removes_nothing(talk, body):
    assert (await talk.ask("DELETE", "/rooms/lobby/entries/2", json=body)).status == 400
    assert talk.journal.last_id == 2


async def test_those_who_are_in_the_room_are_told(talk):
    bob = talk.connect(4001, mode=Mode.FRAMES)
    await talk.deliver()

    await talk.ask("DELETE", "/rooms/lobby/entries/2")
    await talk.deliver()

    (member,) = bob.memberships
    assert b'"removes":2' in member.slice()[0]


async def test_a_text_that_was_removed_is_not_said_again_under_its_key(talk):
    said = {"json": '{"text": "build 71"}', "headers": "Idempotency-Key: b71\r\n"}
    first = await talk.ask("POST", "/rooms/lobby/entries", **said)
    await talk.ask("DELETE", f"/rooms/lobby/entries/{first.json['id']}")
    before = talk.journal.last_id

    again = await talk.ask("POST", "/rooms/lobby/entries", **said)

    assert (again.status, again.json["id"], again.json["kind"]) == (200, first.json["id"], "removed")
    assert talk.journal.last_id == before
