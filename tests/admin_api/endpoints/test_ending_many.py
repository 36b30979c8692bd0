"""Ending many clients by a filter: a dry run first, then those who are still there."""

import pytest

from admin_api.confirmations import HELD_MAX, VALID_S, Confirmations


@pytest.fixture
async def crowd(admin):
    """Five clients, of whom ann, bob and cyd are in #dev."""
    for port, nick in enumerate(("ann", "bob", "cyd", "dan", "eve"), 4000):
        client = admin.connect(port)
        admin.chat.rename(client, nick)
        if nick < "d":
            admin.chat.join(client, "dev")
    return admin


def nicks(admin):
    return {client.nick for client in admin.chat.clients}


async def test_a_dry_run_names_them_and_ends_nobody(crowd):
    answer = await crowd.ask("DELETE", "/clients?room=dev&dry_run=true")

    assert answer.status == 200
    assert {client["nick"] for client in answer.json["clients"]} == {"ann", "bob", "cyd"}
    assert answer.json["count"] == 3
    assert answer.json["expires_at"] == "2026-11-24T08:01:00Z"
    assert len(nicks(crowd)) == 5


async def test_its_confirm_ends_those_who_are_still_there_and_names_who_left(crowd):
    confirm = (await crowd.ask("DELETE", "/clients?room=dev&dry_run=true")).json["confirm"]
    crowd.chat.kick(crowd.chat.directory.find("bob")[0])
    crowd.chat.join(crowd.chat.directory.find("dan")[0], "dev")  # came after the list was made

    answer = await crowd.ask("DELETE", f"/clients?confirm={confirm}&reason=too%20noisy")

    assert answer.json["count"] == 2
    assert {client["nick"] for client in answer.json["clients"]} == {"ann", "cyd"}
    assert answer.json["gone"] == ["bob"]
    assert nicks(crowd) == {"dan", "eve"}
    (record,) = [one for one in await crowd.journal.read_audit(10) if one.action == "kick-many"]
    assert record.what == "room=dev (2 kicked): too noisy"


async def test_a_confirm_can_be_used_once(crowd):
    confirm = (await crowd.ask("DELETE", "/clients?nick=a&dry_run=true")).json["confirm"]

    assert (await crowd.ask("DELETE", f"/clients?confirm={confirm}")).status == 200
    assert (await crowd.ask("DELETE", f"/clients?confirm={confirm}")).status == 409


async def test_a_confirm_is_good_for_a_minute(crowd):
    confirm = (await crowd.ask("DELETE", "/clients?nick=a&dry_run=true")).json["confirm"]
    crowd.now += VALID_S

    assert (await crowd.ask("DELETE", f"/clients?confirm={confirm}")).status == 409
    assert len(nicks(crowd)) == 5


@pytest.mark.parametrize("query", ["dry_run=true", "reason=x&dry_run=true", ""])
async def test_without_a_filter_nobody_is_ended_and_the_filters_are_named(crowd, query):
    answer = await crowd.ask("DELETE", f"/clients?{query}")

    assert answer.status == 400
    assert len(nicks(crowd)) == 5


@pytest.mark.parametrize("query", ["address=0.0.0.0/0", "room=lobby", "idle=0", "search=10.0"])
async def test_a_filter_that_fits_everybody_is_named(crowd, query):
    for client in crowd.chat.clients:
        crowd.chat.join(client, "lobby")

    answer = await crowd.ask("DELETE", f"/clients?{query}&dry_run=true")

    assert answer.status == 400
    assert query in answer.json["detail"]


async def test_everybody_can_be_ended_by_their_ids(crowd):
    ids = ",".join(client.id for client in crowd.chat.clients)

    answer = await crowd.ask("DELETE", f"/clients?ids={ids}&dry_run=true")

    assert answer.json["count"] == 5
    assert (await crowd.ask("DELETE", f"/clients?confirm={answer.json['confirm']}")).json["count"] == 5
    assert nicks(crowd) == set()
    [record] = (await crowd.ask("GET", "/audit")).json["audit"]
    assert record["what"] == "ann, bob, cyd, dan, eve (5 kicked)"


@pytest.mark.parametrize("query", ["confirm=x", "nick=a&confirm=x", "dry_run=true&confirm=x", "nick=a"])
async def test_any_other_way_ends_nobody(crowd, query):
    assert (await crowd.ask("DELETE", f"/clients?{query}")).status in (400, 409)
    assert len(nicks(crowd)) == 5


@pytest.mark.parametrize(
    ("query", "body"),
    [("?reason=too%20noisy", ""), ("", '{"reason": "too noisy"}'), ("?reason=x", '{"reason": "too noisy"}')],
)
async def test_a_kicked_client_is_told_the_reason(crowd, query, body):
    ann = crowd.chat.directory.find("ann")[0]

    await crowd.ask("DELETE", f"/clients/ann{query}", json=body)

    assert ann.outlet.close_text == "you were kicked: too noisy"
    (record,) = [one for one in await crowd.journal.read_audit(10) if one.action == "kick"]
    assert record.what == "10.0.0.1:4000 (ann): too noisy"


def test_confirmations_are_bounded():
    confirmations = Confirmations()
    first, *_ = [confirmations.add({}, "", 0) for _ in range(HELD_MAX + 1)]

    assert confirmations.take(first.token, 0) is None
