"""Entries of rooms over HTTP: read, searched, exported and said."""

import json
from urllib.parse import quote

import pytest
import trio

from admin_api.endpoints.entries import EXPORTS_MAX
from admin_api.speech import KEY_MAX, LINES_MAX
from admin_api.state import BULK_READS_MAX
from tests.conftest import PATIENCE_S
from trio_chat.chat.events import Kind
from trio_chat.chat.text import TEXT_MAX
from trio_chat.journal.sqlite.journal import READERS_MAX


@pytest.fixture
async def talk(admin):
    """Ten lines of ann in the lobby."""
    ann = admin.connect(4000)
    admin.chat.rename(ann, "ann")
    for number in range(10):
        admin.chat.say(ann, admin.chat.rooms["lobby"], f"line {number}")
    await admin.deliver()
    return admin


def texts(answer) -> list[str]:
    return [entry["text"] for entry in answer.json["entries"] if entry["kind"] == "said"]


async def test_the_newest_are_listed_oldest_first_and_older_ones_by_pages(talk):
    newest = await talk.ask("GET", "/rooms/lobby/entries?limit=4")
    older = await talk.ask("GET", f"/rooms/lobby/entries?limit=4&before={newest.json['next']}")

    assert texts(newest) == ["line 6", "line 7", "line 8", "line 9"]
    assert texts(older) == ["line 2", "line 3", "line 4", "line 5"]
    assert newest.json["entries"][0] == {
        "id": newest.json["next"],
        "time": newest.json["entries"][0]["time"],
        "room": "lobby",
        "kind": "said",
        "author": "ann",
        "text": "line 6",
    }


async def test_newer_ones_are_read_forwards(talk):
    first = (await talk.ask("GET", "/rooms/lobby/entries")).json["entries"][0]["id"]
    pages, after = [], first
    while after is not None:
        page = await talk.ask("GET", f"/rooms/lobby/entries?limit=3&after={after}")
        pages += texts(page)
        after = page.json["next"]

    assert pages == [f"line {number}" for number in range(10)]


async def test_words_are_searched(talk):
    found = await talk.ask("GET", "/rooms/lobby/entries?q=line%203")

    assert texts(found) == ["line 3"]


@pytest.mark.parametrize(
    "query", ["before=0", "after=x", "limit=0", "limit=1001", "before=5&after=3", f"q={'x' * 9000}"]
)
async def test_a_page_that_cannot_be_is_400(talk, query):
    assert (await talk.ask("GET", f"/rooms/lobby/entries?{query}")).status == 400


@pytest.mark.parametrize("path", ["/rooms/lobby/export", "/rooms/lobby/entries?limit=999"])
async def test_however_many_read_much_at_once_reads_of_the_chat_need_not_wait(talk, path):
    reads = talk.state.bulk_reads
    assert reads.total_tokens < READERS_MAX

    async with trio.open_nursery() as nursery:
        for borrower in range(BULK_READS_MAX):
            await reads.acquire_on_behalf_of(borrower)
        for _ in range(READERS_MAX):
            nursery.start_soon(talk.ask, "GET", path)
        with trio.fail_after(PATIENCE_S):
            while reads.statistics().tasks_waiting < READERS_MAX:
                await trio.lowlevel.checkpoint()
        for borrower in range(BULK_READS_MAX):
            reads.release_on_behalf_of(borrower)


async def test_exports_at_once_are_bounded_and_those_that_ended_do_not_count(talk):
    answers: list[int] = []

    async def export() -> None:
        answers.append((await talk.ask("GET", "/rooms/lobby/export")).status)

    async with trio.open_nursery() as nursery:
        for borrower in range(BULK_READS_MAX):
            await talk.state.bulk_reads.acquire_on_behalf_of(borrower)
        for _ in range(EXPORTS_MAX + 5):
            nursery.start_soon(export)
        with trio.fail_after(PATIENCE_S):
            while len(answers) < 5:
                await trio.lowlevel.checkpoint()
        for borrower in range(BULK_READS_MAX):
            talk.state.bulk_reads.release_on_behalf_of(borrower)

    assert answers == [503] * 5 + [200] * EXPORTS_MAX
    assert (await talk.ask("GET", "/rooms/lobby/export")).status == 200


async def test_a_room_is_exported_a_line_for_each_entry(talk):
    answer = await talk.ask("GET", "/rooms/lobby/export")

    assert answer.headers["content-type"] == "application/x-ndjson"
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["text"] for entry in entries if entry["kind"] == "said"] == [f"line {number}" for number in range(10)]


async def test_private_messages_are_in_no_room(talk):
    bob = talk.connect(4001)
    talk.chat.tell(talk.chat.directory.find("ann")[0], bob.label, "a secret")
    await talk.deliver()

    for path in ("/rooms/lobby/entries", "/rooms/lobby/export", "/rooms/lobby/entries?q=secret"):
        assert "a secret" not in (await talk.ask("GET", path)).text


async def test_the_server_speaks_and_so_does_a_program_under_a_name(talk):
    server = await talk.ask("POST", "/rooms/lobby/entries", json='{"text": "maintenance at 22:00"}')
    program = await talk.ask("POST", "/rooms/%23lobby/entries", json='{"text": "build 71 is green", "name": "deploy"}')

    assert (server.status, server.json["author"], server.json["kind"]) == (201, "server", Kind.ANNOUNCED)
    assert (program.status, program.json["author"], program.json["kind"]) == (201, "deploy", Kind.SAID)
    said = await talk.journal.read("lobby", limit=2)
    assert [entry.draft.text for entry in said] == ["maintenance at 22:00", "build 71 is green"]
    audit = [record.what for record in await talk.journal.read_audit(9) if record.action == "say"]
    assert audit == ["20 characters in #lobby as server", "17 characters in #lobby as deploy"]


async def test_the_same_key_says_it_once(talk):
    answers = [
        await talk.ask("POST", "/rooms/lobby/entries", json='{"text": "once"}', headers="Idempotency-Key: build-71\r\n")
        for _ in range(3)
    ]

    assert [answer.status for answer in answers] == [201, 200, 200]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [entry.draft.text for entry in await talk.journal.read("lobby", limit=99)].count("once") == 1


async def test_a_key_of_another_room_is_409(talk):
    talk.chat.join(talk.chat.directory.find("ann")[0], "dev")
    key = "Idempotency-Key: build-71\r\n"
    await talk.ask("POST", "/rooms/lobby/entries", json='{"text": "once"}', headers=key)

    assert (await talk.ask("POST", "/rooms/dev/entries", json='{"text": "once"}', headers=key)).status == 409


@pytest.mark.parametrize(
    "other",
    [
        {"text": "one\nthree", "name": "deploy"},
        {"text": "three\ntwo", "name": "deploy"},
        {"text": "two", "name": "deploy2"},
        {"text": "one\ntwo"},
        {"text": "zero\none\ntwo", "name": "deploy"},
    ],
    ids=str,
)
async def test_another_text_under_a_known_key_is_409_and_not_said(talk, other):
    key = "Idempotency-Key: build-71\r\n"
    first = json.dumps({"text": "one\ntwo", "name": "deploy"})
    said = await talk.ask("POST", "/rooms/lobby/entries", json=first, headers=key)
    before = talk.journal.last_id

    refused = await talk.ask("POST", "/rooms/lobby/entries", json=json.dumps(other), headers=key)
    again = await talk.ask("POST", "/rooms/lobby/entries", json=first, headers=key)

    assert (refused.status, talk.journal.last_id) == (409, before)
    assert (again.status, again.json) == (200, said.json)


async def test_of_two_texts_sent_at_once_under_one_key_one_is_said_and_the_other_409(talk):
    answers = {}

    async def say(text: str) -> None:
        body = json.dumps({"text": text})
        answers[text] = await talk.ask(
            "POST", "/rooms/lobby/entries", json=body, headers="Idempotency-Key: at-once\r\n"
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say, "this")
        nursery.start_soon(say, "that")

    said = [entry.draft.text for entry in await talk.journal.read("lobby", limit=1)]
    assert sorted(answer.status for answer in answers.values()) == [201, 409]
    assert [text for text, answer in answers.items() if answer.status == 201] == said


async def test_a_text_of_several_lines_is_kept_together_and_each_has_its_author(talk):
    answer = await talk.ask("POST", "/rooms/lobby/entries", json='{"text": "one\\ntwo\\n", "name": "deploy"}')

    said = await talk.journal.read("lobby", limit=2)
    assert [(entry.draft.author, entry.draft.text) for entry in said] == [("deploy", "one"), ("deploy", "two")]
    assert answer.json["text"] == "two"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "\u200b \u0007"},
        {"text": "\n" * (LINES_MAX + 1)},
        {"text": "x" * (TEXT_MAX + 1)},
        {"text": "x\n" * 9000},
        {"text": "x", "name": "ann"},
        {"text": "x", "name": "Ann"},
        {"text": "x", "name": "127.0.0.1:47634"},
        {"text": "x", "name": ""},
        {"text": "x", "name": "admin"},
        {"text": "x", "nick": "deploy"},
    ],
    ids=str,
)
async def test_what_cannot_be_said_is_400_and_is_not(talk, body):
    before = talk.journal.last_id

    answer = await talk.ask("POST", "/rooms/lobby/entries", json=json.dumps(body))

    assert answer.status == 400
    assert talk.journal.last_id == before


async def test_a_key_that_is_too_long_is_400(talk):
    header = f"Idempotency-Key: {'x' * (KEY_MAX + 1)}\r\n"
    assert (await talk.ask("POST", "/rooms/lobby/entries", json='{"text": "x"}', headers=header)).status == 400


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("from:ann line", 10),
        ("from:[ANN] line", 10),
        ("from:bob line", 0),
        ("line in:#Lobby", 10),
        ("line before:4", 1),
        ("line after:2000-01-01", 10),
        ("line before:2000-01-01", 0),
        ('"from:ann" line', 0),
    ],
)
async def test_a_search_has_the_language_of_the_chat(talk, q, found):
    answer = await talk.ask("GET", f"/rooms/lobby/entries?q={quote(q)}")

    assert len(texts(answer)) == found


@pytest.mark.parametrize(
    ("q", "why"),
    [
        ("from:", "`q`: say from: with something behind it"),
        ("from:ann from:bob", "`q`: say from: once"),
        ("line before:whenever", "`q`: "),
        ("line in:#dev", "`q`: in: is for this room alone, #lobby"),
        ("before:4", "`q`: say a word to look for, or from:NICK"),
    ],
)
async def test_a_search_that_cannot_be_read_is_400_and_named(talk, q, why):
    answer = await talk.ask("GET", f"/rooms/lobby/entries?q={quote(q)}")

    assert answer.status == 400
    assert answer.json["detail"].startswith(why)


@pytest.mark.parametrize(
    ("header", "advice"), [("Idempotency-Key: k1\r\n", "Ask again with the same key."), ("", "Look there")]
)
async def test_what_may_have_been_said_is_503_with_what_to_do(open_admin, header, advice):
    async with open_admin(keep_timeout_s=0) as admin:
        answer = await admin.ask("POST", "/rooms/lobby/entries", json='{"text": "hello"}', headers=header)

    assert answer.status == 503
    assert advice in answer.json["detail"]
    assert ("same key" in answer.json["detail"]) is bool(header)
