"""Hooks: secret addresses by which programs speak."""

import json
from ipaddress import ip_address

import pytest
import trio.testing

from admin_api.hook_throttle import WRONG_SECRETS_BURST, HookThrottle
from admin_api.http.access import Access
from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.hooks import HOOKS_LIMIT, Hook, Hooks, digest_of

TOKEN = "correct-horse-battery"


@pytest.fixture
async def path(admin) -> str:
    """The path of a hook that speaks in #ops as deploy."""
    made = await admin.ask("POST", "/hooks", json='{"room": "#ops", "name": "deploy"}')
    assert made.status == 201
    return made.json["path"]


async def said(admin) -> list[tuple[str, str]]:
    entries = await admin.journal.read("ops", limit=99)
    return [(entry.draft.author, entry.draft.text) for entry in entries if entry.draft.kind == "said"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", "build 71 is green"),
        ("application/x-www-form-urlencoded", "build 71 is green"),
        ("application/json", '{"text": "build 71 is green", "channel": "#builds", "blocks": []}'),
        ("application/json; charset=utf-8", '{"text": "build 71 is green"}'),
        ("application/x-www-form-urlencoded", "payload=%7B%22text%22%3A+%22build+71+is+green%22%7D"),
        ("", '{"text": "build 71 is green"}'),
        ("text/plain", "build 71 is green\n"),
    ],
)
async def test_texts_of_people_and_services_are_said(admin, path, kind, body):
    answer = await admin.post(path, body, kind)

    assert answer.status == 201
    assert (answer.json["room"], answer.json["author"], answer.json["text"]) == ("ops", "deploy", "build 71 is green")
    assert await said(admin) == [("deploy", "build 71 is green")]


@pytest.mark.parametrize("body", ["", " \n", "\u200b", "x" * 5000, "x\n" * 51, "x" * 20_000])
async def test_a_text_that_cannot_be_said_is_400(admin, path, body):
    admin.rate = (0.0, 1.0)
    assert (await admin.post(path, body, "text/plain")).status == 400
    assert await said(admin) == []


@pytest.mark.parametrize("part", ["[", '{"x":'])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
async def test_json_nested_too_deeply_is_400(admin, path, part, kind):
    nested = f'{"payload=" * kind.endswith("urlencoded")}{{"x":{part * 9000}'
    expected = 400 if kind else 201  # without a kind, a text that only looks like JSON

    assert (await admin.post(path, nested if kind else f"{nested[:99]}", kind)).status == expected
    assert (await admin.post(path, nested, kind)).status == 400


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii)
async def test_each_line_counts_whatever_ends_it(admin, path, end):
    admin.rate = (1.0, 20.0)
    text = end.join("x" * 20)

    assert (await admin.post(path, text, "text/plain; charset=utf-8")).status == 201
    assert (await admin.post(path, text, "text/plain; charset=utf-8")).status == 429


async def test_json_without_a_text_is_400_where_json_was_announced(admin, path):
    assert (await admin.post(path, '{"message": "x"}', "application/json")).status == 400
    assert (await admin.post(path, "{braces} in a text", "text/plain")).status == 201


async def test_neither_a_token_nor_a_known_host_is_asked_for(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        token = f"Authorization: Bearer {TOKEN}\r\n"
        made = await admin.ask("POST", "/hooks", json='{"room": "ops", "name": "deploy"}', headers=token)
        head = f"POST {made.json['path']} HTTP/1.0\r\nHost: ci.elsewhere.example\r\nContent-Length: 2\r\n\r\n"

        assert b" 201 " in (await admin.site.ask(head.encode() + b"hi"))[:20]
        assert (await admin.ask("GET", "/hooks")).status == 401


async def test_the_secret_is_shown_once_and_only_its_digest_is_kept(admin, path):
    secret = path.removeprefix("/hook/")

    listed = await admin.ask("GET", "/hooks")

    hook = {"name": "deploy", "room": "ops", "by": "http 127.0.0.1", "since": "2026-11-24T08:00:00Z"}
    assert listed.json["hooks"] == [hook]
    (record,) = await admin.journal.read_hooks()
    assert record.digest == digest_of(secret)
    assert secret not in str(await admin.journal.read_audit(9))


async def test_a_hook_that_is_removed_is_unknown_at_once(admin, path):
    assert (await admin.ask("DELETE", "/hooks/Deploy")).json["hook"]["name"] == "deploy"

    assert (await admin.ask("POST", "/hook/unknown")).status == 404
    assert (await admin.post(path, "hello")).status == 404
    assert (await admin.ask("DELETE", "/hooks/deploy")).status == 404
    assert [record.action for record in await admin.journal.read_audit(9)] == ["hook", "unhook"]


async def test_nobody_can_take_its_name(admin, path):
    ann = admin.connect(4000)

    with pytest.raises(ChatError, match="reserved for a program"):
        admin.chat.rename(ann, "Dep1oy")
    await admin.ask("DELETE", "/hooks/deploy")
    admin.chat.rename(ann, "deploy")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"room": "ops", "name": "deploy"}, 409),
        ({"room": "ops", "name": "DEPLOY"}, 409),
        ({"room": "ops", "name": "ann"}, 400),
        ({"room": "ops", "name": "1234"}, 400),
        ({"room": "no room", "name": "alert"}, 400),
        ({"room": "ops"}, 400),
    ],
)
async def test_a_hook_that_cannot_be_is_refused(admin, path, body, status):
    admin.chat.rename(admin.connect(4000), "ann")

    assert (await admin.ask("POST", "/hooks", json=json.dumps(body))).status == status
    assert len(admin.operator.hooks) == 1


async def test_the_same_key_says_it_once(admin, path):
    answers = [await admin.post(path, "once", headers="Idempotency-Key: 71\r\n") for _ in range(2)]

    assert [answer.status for answer in answers] == [201, 200]
    assert await said(admin) == [("deploy", "once")]


async def test_it_is_limited_like_a_client(admin, path):
    admin.rate = (1.0, 3.0)

    answers = [await admin.post(path, "hello") for _ in range(4)]

    assert [answer.status for answer in answers] == [201, 201, 201, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_text_of_several_lines_costs_as_many():
    throttle = HookThrottle()

    assert throttle.wait_s("deploy", 3, (1.0, 3.0), 0.0) == 0
    assert throttle.wait_s("deploy", 2, (1.0, 3.0), 0.0) == pytest.approx(2)
    assert throttle.wait_s("alert", 2, (1.0, 3.0), 0.0) == 0
    assert throttle.wait_s("deploy", 2, (0.0, 3.0), 0.0) == 0


async def test_guesses_of_secrets_are_slowed_down_and_the_right_one_is_not(
    admin, path, autojump_clock: trio.testing.MockClock
):
    started = trio.current_time()
    for number in range(WRONG_SECRETS_BURST):
        assert (await admin.post(f"/hook/guess{number}", "x")).status == 404
    assert trio.current_time() == started

    assert (await admin.post("/hook/again", "x")).status == 404
    slowed = trio.current_time()
    assert slowed > started
    assert (await admin.post(path, "hello")).status == 201
    assert trio.current_time() == slowed


def test_guesses_from_one_ipv6_network_are_counted_together():
    throttle = HookThrottle()
    guesses = [throttle.is_guessing(ip_address(f"2001:db8::{number:x}"), 0.0) for number in range(30)]

    assert guesses.count(False) == WRONG_SECRETS_BURST
    assert not throttle.is_guessing(ip_address("2001:db8:0:1::1"), 0.0)


async def test_hooks_are_bounded_and_restored(admin):
    kept = [Hook(f"hook{number}x", "ops", str(number), "console", 0.0) for number in range(HOOKS_LIMIT)]
    hooks = Hooks(admin.chat, kept)

    with pytest.raises(ChatError, match="already"):
        hooks.add(Hook("another", "ops", "x", "console", 0.0))
    assert len(hooks.current()) == HOOKS_LIMIT


async def test_another_method_is_405_whatever_its_body(admin) -> None:
    head = "PUT /hook/4eX9mPz2K0s7QvJd3yTb8hLr5wNc1uFg HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/plain\r\n"

    answer = await admin.site.ask(f"{head}Content-Length: 1\r\n\r\nx".encode())

    assert answer.startswith(b"HTTP/1.1 405")
