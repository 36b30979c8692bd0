"""Mutes over HTTP."""

import pytest

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.log import Mode

SINCE = "2026-11-24T08:00:00Z"


def refusal(admin, client) -> str:
    """The sentence that refuses a line of a client; "" where it is said."""
    try:
        admin.chat.say(client, admin.chat.rooms[LOBBY], "hello")
    except ChatError as error:
        return error.text
    return ""


async def test_a_mute_silences_is_listed_and_is_lifted(admin) -> None:
    alice = admin.connect(47634, mode=Mode.FRAMES, session="a" * 32)
    bob = admin.connect(47635)
    admin.chat.rename(alice, "alice")

    made = await admin.ask("POST", "/mutes", json='{"who": "alice", "reason": "spam", "minutes": 90}')
    said = [refusal(admin, client) for client in (alice, bob)]
    listed = await admin.ask("GET", "/mutes")
    lifted = await admin.ask("DELETE", "/mutes/alice")

    mute = {
        "id": "m1",
        "label": "alice",
        "network": "10.0.0.1",
        "spared": 1,
        "reason": "spam",
        "by": "http 127.0.0.1",
        "since": SINCE,
        "until": "2026-11-24T09:30:00Z",
    }
    assert (made.status, made.json) == (201, {"mute": mute, "kept": True, "warnings": []})
    assert said == ["you are muted until 2026-11-24 09:30 UTC: spam", ""]
    assert listed.json == {"mutes": [mute], "total": 1, "matching": 1, "next": None}
    assert (lifted.status, lifted.json) == (200, {"mute": mute, "kept": True})
    assert refusal(admin, alice) == ""
    assert await admin.journal.read_mutes() == []
    audit = (await admin.ask("GET", "/audit")).json["audit"]
    assert [(one["action"], one["what"]) for one in audit] == [
        ("mute", "m1 [alice] of 10.0.0.1 until 2026-11-24 09:30 UTC: spam"),
        ("unmute", "m1 [alice] of 10.0.0.1"),
    ]


async def test_a_trial_says_whom_a_mute_would_silence_and_silences_nobody(admin) -> None:
    alice = admin.connect(47634)
    admin.connect(47635, "10.0.0.2")
    admin.connect(47636, "198.51.100.1")

    one = (await admin.ask("POST", "/mutes", json='{"who": "47634", "dry_run": true}')).json
    network = (await admin.ask("POST", "/mutes", json='{"who": "10.0.0.0/24", "dry_run": true}')).json
    everybody = (await admin.ask("POST", "/mutes", json='{"who": "0.0.0.0/0", "dry_run": true}')).json

    assert one["mute"]["id"] is None
    assert [client["port"] for client in one["clients"]] == [47634]
    assert one["warnings"] == ["It would silence whoever comes from 10.0.0.1 from now on, too."]
    assert [client["port"] for client in network["clients"]] == [47634, 47635]
    assert (network["count"], network["warnings"]) == (2, [])
    assert everybody["warnings"] == [
        "It would silence everybody: all 3 clients.",
        "Your own address, 127.0.0.1, is among those that it is for.",
    ]
    assert refusal(admin, alice) == ""
    assert (await admin.ask("GET", "/mutes")).json["mutes"] == []


@pytest.mark.parametrize("who", ["m1", "10.0.0.0/24", "10.0.0.0%2F24"])
async def test_a_mute_is_changed_by_its_id_or_network(admin, who: str) -> None:
    alice = admin.connect(47634)
    await admin.ask("POST", "/mutes", json='{"who": "10.0.0.0/24", "reason": "spam", "minutes": 1}')

    changed = await admin.ask("PATCH", f"/mutes/{who}", json='{"minutes": 60, "reason": "flood"}')
    admin.now += 120

    assert (changed.json["mute"]["until"], changed.json["mute"]["reason"]) == ("2026-11-24T09:00:00Z", "flood")
    assert refusal(admin, alice) == "you are muted until 2026-11-24 09:00 UTC: flood"
    assert [record.reason for record in await admin.journal.read_mutes()] == ["flood"]


async def test_a_mute_ends_by_itself_and_is_listed_no_more(admin) -> None:
    alice = admin.connect(47634)
    await admin.ask("POST", "/mutes", json='{"who": "47634", "minutes": 1}')
    await admin.ask("POST", "/mutes", json='{"who": "192.0.2.1", "minutes": 2}')
    admin.now += 60

    assert refusal(admin, alice) == ""
    assert [mute["id"] for mute in (await admin.ask("GET", "/mutes")).json["mutes"]] == ["m2"]
    assert (await admin.ask("GET", "/status")).json["counts"]["mutes"] == 1
    assert await admin.operator.records.settled(1)
    assert [record.number for record in await admin.journal.read_mutes()] == [2]


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 404), ("m7", 404), ("192.0.2.9", 404), ("47635", 404), ("1", 409)]
)
async def test_a_mute_that_is_not_there_or_not_clear_is_not_lifted(admin, who: str, status: int) -> None:
    for port, address in ((1, "10.0.0.1"), (1, "10.0.0.2"), (47635, "192.0.2.1")):
        admin.connect(port, address)
    for muted in ("10.0.0.1:1", "10.0.0.2:1", "192.0.2.0/24"):
        await admin.ask("POST", "/mutes", json=f'{{"who": "{muted}"}}')

    answers = [await admin.ask("DELETE", f"/mutes/{who}"), await admin.ask("PATCH", f"/mutes/{who}", json="{}")]

    assert [answer.status for answer in answers] == [status, status]
    if status == 409:
        assert answers[0].json["candidates"] == ["m1", "m2"]
    assert (await admin.ask("GET", "/mutes")).json["total"] == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{}", 400),
        ('{"who": ""}', 400),
        ('{"who": 7}', 400),
        ('{"who": "-"}', 400),
        ('{"who": "alice"}', 404),
        ('{"who": "1"}', 409),
        ('{"who": "10.0.0.1", "minutes": 0}', 400),
        ('{"who": "10.0.0.1", "until": "2026-11-24T08:00:00Z"}', 422),
        (f'{{"who": "10.0.0.1", "reason": "{"x" * 201}"}}', 400),
        ('{"who": "10.0.0.1", "colour": "red"}', 400),
    ],
)
async def test_a_mute_of_nobody_or_without_sense_does_nothing(admin, body: str, status: int) -> None:
    for address in ("10.0.0.1", "10.0.0.2"):
        admin.connect(1, address)

    answer = await admin.ask("POST", "/mutes", json=body)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await admin.ask("GET", "/mutes")).json["mutes"] == []


async def test_mutes_are_listed_in_pages(admin) -> None:
    for number in range(5):
        await admin.ask("POST", "/mutes", json=f'{{"who": "192.0.2.{number}"}}')

    first = (await admin.ask("GET", "/mutes?limit=3")).json
    second = (await admin.ask("GET", f"/mutes?limit=3&cursor={first['next']}")).json

    assert [[mute["id"] for mute in page["mutes"]] for page in (first, second)] == [["m1", "m2", "m3"], ["m4", "m5"]]
    assert second["next"] is None


async def test_a_journal_that_keeps_nothing_stops_no_mute(open_admin) -> None:
    async with open_admin(keep_timeout_s=0) as admin:
        admin.journal.fault = "the disk is full"
        alice = admin.connect(47634)

        made = await admin.ask("POST", "/mutes", json='{"who": "47634"}')

        assert (made.status, made.json["kept"]) == (201, False)
        assert refusal(admin, alice) == "you are muted"


async def test_an_ipv6_address_is_muted_with_its_neighbours(admin) -> None:
    home = [admin.connect(1024 + number, f"2001:db8::{number}") for number in (1, 2)]
    other = admin.connect(1030, "2001:db8:0:1::1")

    made = (await admin.ask("POST", "/mutes", json='{"who": "2001:db8::1", "reason": "spam"}')).json
    said = [bool(refusal(admin, client)) for client in (*home, other)]
    lifted = await admin.ask("DELETE", "/mutes/2001:db8::1")

    assert made["mute"]["network"] == "2001:db8::/64"
    assert made["warnings"][0].startswith("2001:db8::1 stands for 2001:db8::/64, ")
    assert said == [True, True, False]
    assert lifted.status == 200


async def test_mutes_are_searched_by_the_name_of_their_client(admin) -> None:
    admin.chat.rename(admin.connect(1024, "192.0.2.1"), "alice")
    admin.chat.rename(admin.connect(1025, "198.51.100.1"), "bob")
    for who in ("alice", "bob"):
        await admin.ask("POST", "/mutes", json=f'{{"who": "{who}"}}')

    for search, found in (("ALI", ["alice"]), ("m2", ["bob"]), ("192.0.2.1", ["alice"]), ("carol", [])):
        answer = (await admin.ask("GET", f"/mutes?search={search}")).json
        assert [one["label"] for one in answer["mutes"]] == found, search


async def test_a_muted_client_is_marked_in_the_list(admin) -> None:
    for port in (1024, 1025):
        admin.connect(port, f"192.0.2.{port - 1000}")
    await admin.ask("POST", "/mutes", json='{"who": "1024"}')

    clients = (await admin.ask("GET", "/clients")).json["clients"]

    assert [(one["port"], one["muted"]) for one in clients] == [(1024, True), (1025, False)]
