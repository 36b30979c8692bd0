"""Announcements over HTTP."""

import pytest

from trio_chat.chat.commands import execute


async def kept(admin) -> list[tuple[str, str]]:
    """The room and the text of each announcement that is on disk."""
    await admin.journal.settled()
    entries = [*await admin.journal.read(None, limit=1000)]
    return [(one.draft.room, one.draft.text) for one in entries if one.draft.kind == "announced"]


@pytest.fixture
def people(admin):
    alice, bob = admin.connect(1, "10.0.0.1"), admin.connect(2, "10.0.1.1")
    execute(admin.chat, bob, "/join dev")
    return alice, bob


async def test_it_is_for_everybody(admin, people) -> None:
    answer = await admin.ask("POST", "/announcements", json='{"text": "dinner\\nat eight"}')

    assert (answer.status, answer.json) == (201, {"to": "everybody", "count": 2, "dry_run": False})
    assert await kept(admin) == [("lobby", "dinner"), ("lobby", "at eight"), ("dev", "dinner"), ("dev", "at eight")]


async def test_it_is_for_a_room(admin, people) -> None:
    answer = await admin.ask("POST", "/announcements", json='{"text": "dinner", "room": "#DEV"}')

    assert (answer.status, answer.json) == (201, {"to": "#dev", "count": 1, "dry_run": False})
    assert await kept(admin) == [("dev", "dinner")]


async def test_it_is_for_those_of_a_filter_alone(admin, people) -> None:
    body = '{"text": "dinner", "filter": {"room": "dev", "address": "10.0.0.0/16"}}'
    answer = await admin.ask("POST", "/announcements", json=body)

    assert (answer.status, answer.json) == (
        201,
        {"to": "room=dev address=10.0.0.0/16", "count": 1, "dry_run": False},
    )
    assert await kept(admin) == [("@c2", "dinner")]


async def test_the_audit_and_the_events_say_to_whom_and_how_long_and_not_what(admin, people) -> None:
    for rest in ("", ', "room": "dev"', ', "filter": {"nick": "zoe"}'):
        await admin.ask("POST", "/announcements", json=f'{{"text": "a secret"{rest}}}')

    audit = (await admin.ask("GET", "/audit")).json["audit"]

    assert [(one["who"], one["action"], one["what"]) for one in audit] == [
        ("http 127.0.0.1", "announce", "8 characters to everybody"),
        ("http 127.0.0.1", "announce", "8 characters to #dev"),
        ("http 127.0.0.1", "announce", "8 characters to 0 clients, nick=zoe"),
    ]
    assert "secret" not in str(audit)


@pytest.mark.parametrize(
    ("rest", "to", "count"),
    [
        ("", "everybody", 2),
        (', "room": "dev"', "#dev", 1),
        (', "filter": {"mode": "lines"}', "mode=lines", 2),
        (', "filter": {"nick": "zoe"}', "nick=zoe", 0),
    ],
)
async def test_a_dry_run_counts_and_says_nothing(admin, people, rest: str, to: str, count: int) -> None:
    answer = await admin.ask("POST", "/announcements", json=f'{{"text": "dinner", "dry_run": true{rest}}}')

    assert (answer.status, answer.json) == (200, {"to": to, "count": count, "dry_run": True})
    assert await kept(admin) == []
    assert (await admin.ask("GET", "/audit")).json["audit"] == []


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("{}", 400, "text"),
        ('{"text": ""}', 400, "text"),
        ('{"text": " \\u200b "}', 400, "readable"),
        ('{"text": "x", "colour": "red"}', 400, "colour"),
        ('{"text": "x", "room": "nowhere"}', 404, "nowhere"),
        ('{"text": "x", "room": "dev", "filter": {"nick": "a"}}', 400, "both"),
        ('{"text": "x", "filter": {}}', 400, "empty"),
        ('{"text": "x", "filter": {"rooom": "dev"}}', 400, "rooom"),
        ('{"text": "x", "filter": {"address": "10.0.0.0/99"}}', 400, "address"),
        ('{"text": "x", "filter": {"behind": 0}}', 400, "behind"),
        (f'{{"text": "{"x" * 4097}"}}', 400, "characters"),
        (f'{{"text": "{"x" * 16001}"}}', 400, "text"),
    ],
)
async def test_an_announcement_without_sense_is_refused_and_nothing_said(admin, people, body, status, named) -> None:
    answer = await admin.ask("POST", "/announcements", json=body)

    assert answer.status == status
    assert named in answer.json["detail"]
    assert await kept(admin) == []


async def test_copies_that_would_fill_the_journal_are_422(admin) -> None:
    for number in range(1, 1003):
        admin.connect(number)
    text = "\\n".join(["x" * 300] * 50)

    answer = await admin.ask("POST", "/announcements", json=f'{{"text": "{text}", "filter": {{"mode": "lines"}}}}')

    assert answer.status == 422
    assert "1002 copies of that are 38 MiB" in answer.json["detail"]
    assert await kept(admin) == []


async def test_as_many_copies_in_rooms_are_422_too(admin) -> None:
    for number in range(1, 1003):
        admin.chat.join(admin.connect(number), f"room{number}")
    text = "\\n".join(["x" * 300] * 50)

    answer = await admin.ask("POST", "/announcements", json=f'{{"text": "{text}"}}')

    assert answer.status == 422
    assert "1003 copies of that are 38 MiB" in answer.json["detail"]


async def test_a_journal_that_keeps_nothing_is_503(open_admin) -> None:
    async with open_admin(keep_timeout_s=0) as admin:
        admin.connect(1)

        answer = await admin.ask("POST", "/announcements", json='{"text": "dinner"}')

        assert answer.status == 503
