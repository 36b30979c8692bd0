"""Bans and the audit over HTTP."""

from ipaddress import ip_address, ip_network
from urllib.parse import quote

import pytest

from trio_chat.chat.operators.bans import BANS_LIMIT, Ban

SINCE = "2026-11-24T08:00:00Z"


async def test_a_ban_kicks_is_listed_and_is_lifted(admin) -> None:
    admin.connect(47634)
    admin.connect(47635, "198.51.100.1")

    made = await admin.ask("POST", "/bans", json='{"network": "10.0.0.7/24", "reason": "spam", "minutes": 90}')
    listed = await admin.ask("GET", "/bans")
    lifted = await admin.ask("DELETE", "/bans/10.0.0.0/24")

    ban = {
        "network": "10.0.0.0/24",
        "reason": "spam",
        "by": "http 127.0.0.1",
        "since": SINCE,
        "until": "2026-11-24T09:30:00Z",
    }
    assert (made.status, made.json) == (201, {"ban": ban, "kicked": 1, "kept": True, "warnings": []})
    assert [client.port for client in admin.chat.clients] == [47635]
    assert listed.json == {"bans": [ban], "total": 1, "matching": 1, "next": None}
    assert (lifted.status, lifted.json) == (200, {"ban": ban, "kept": True})
    assert (await admin.ask("GET", "/bans")).json["bans"] == []
    assert await admin.journal.read_bans() == []


@pytest.mark.parametrize("path", ["2001:db8::/64", "2001:db8::%2F64", "2001%3Adb8%3A%3A/64"])
async def test_an_ipv6_network_is_named_as_it_is_or_encoded(admin, path: str) -> None:
    made = await admin.ask("POST", "/bans", json='{"network": "2001:db8::/64", "until": "2027-01-01T00:00:00+01:00"}')

    assert made.json["ban"]["until"] == "2026-12-31T23:00:00Z"
    assert (await admin.ask("DELETE", f"/bans/{path}")).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"network": 7}',
        '{"network": ""}',
        '{"network": "alice"}',
        '{"network": "10.0.0.0/33"}',
        '{"network": "fe80::1%eth0"}',
        '{"network": "fe80::1%\\u001b]0;pwn\\u0007\\nClient [192.0.2.1:5] kicked"}',
        '{"network": "10.0.0.1", "colour": "red"}',
        '{"network": "10.0.0.1", "minutes": 0}',
        '{"network": "10.0.0.1", "minutes": 1.5}',
        '{"network": "10.0.0.1", "minutes": 1e300}',
        '{"network": "10.0.0.1", "minutes": 100000000}',
        '{"network": "10.0.0.1", "until": "tomorrow"}',
        '{"network": "10.0.0.1", "until": "2027-01-01T00:00:00"}',
        f'{{"network": "10.0.0.1", "reason": "{"x" * 201}"}}',
        '{"network": "10.0.0.1", "reason": "\\ud800"}',
    ],
)
async def test_an_invalid_ban_is_400_and_does_nothing(admin, body: str) -> None:
    admin.connect(47634)

    answer = await admin.ask("POST", "/bans", json=body)

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(admin.chat.clients) == 1
    assert (await admin.ask("GET", "/bans")).json["bans"] == []


@pytest.mark.parametrize("until", [SINCE, "9999-12-31T23:59:59-14:00"])
async def test_an_end_that_is_over_or_too_far_away_is_422(admin, until: str) -> None:
    answer = await admin.ask("POST", "/bans", json=f'{{"network": "10.0.0.1", "until": "{until}"}}')

    assert answer.status == 422
    assert (await admin.ask("GET", "/bans")).json["bans"] == []


async def test_of_two_ends_the_earlier_holds(admin) -> None:
    body = '{"network": "10.0.0.1", "until": "2027-01-01T00:00:00Z", "minutes": 60}'

    assert (await admin.ask("POST", "/bans", json=body)).json["ban"]["until"] == "2026-11-24T09:00:00Z"


@pytest.mark.parametrize(("network", "status"), [("10.0.0.1", 404), ("alice", 400), ("10.0.0.0/99", 400), ("%00", 400)])
async def test_a_ban_that_is_not_there_cannot_be_lifted(admin, network: str, status: int) -> None:
    answer = await admin.ask("DELETE", f"/bans/{network}")

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_journal_that_keeps_nothing_stops_no_ban_and_no_kick(open_admin) -> None:
    async with open_admin(keep_timeout_s=0) as admin:
        admin.journal.fault = "the disk is full"
        admin.connect(47634)
        admin.connect(47635, "198.51.100.1")

        made = await admin.ask("POST", "/bans", json='{"network": "10.0.0.0/24"}')
        kicked = await admin.ask("DELETE", "/clients/47635")

        assert (made.status, made.json["kept"]) == (201, False)
        assert kicked.status == 200
        assert not admin.chat.clients
        assert len((await admin.ask("GET", "/bans")).json["bans"]) == 1


async def test_the_audit_is_read_newest_last_up_to_a_limit(admin) -> None:
    for port in (1001, 1002, 1003):
        admin.connect(port)
        await admin.ask("DELETE", f"/clients/{port}")

    assert [one["what"][-4:] for one in (await admin.ask("GET", "/audit")).json["audit"]] == ["1001", "1002", "1003"]
    assert [one["what"][-4:] for one in (await admin.ask("GET", "/audit?limit=2")).json["audit"]] == ["1002", "1003"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "limit=%D9%A4", "limit=1&limit=2"])
async def test_a_limit_that_makes_no_sense_is_400(admin, query: str) -> None:
    assert (await admin.ask("GET", f"/audit?{query}")).status == 400


async def test_the_audit_is_read_in_pages_by_a_filter(admin):
    for number in range(5):
        await admin.ask("POST", "/bans", json=f'{{"network": "192.0.2.{number}"}}')
    await admin.ask("DELETE", "/bans/192.0.2.0")

    pages, cursor = [], ""
    while cursor is not None:
        page = (await admin.ask("GET", f"/audit?action=ban&limit=2{cursor}")).json
        pages.append([one["what"].split()[0][-1] for one in page["audit"]])
        cursor = f"&before={page['next']}" if page["next"] else None

    assert pages == [["3", "4"], ["1", "2"], ["0"]]


async def test_a_trial_says_whom_a_ban_would_end_and_ends_nobody(admin) -> None:
    alice = admin.connect(47634)
    bob = admin.connect(47635, session="b" * 16)
    admin.connect(47636, "198.51.100.1")
    admin.chat.connection_lost(bob, bob.outlet)
    await admin.ask("POST", "/bans", json='{"network": "10.0.0.128/25", "reason": "old"}')

    body = '{"network": "10.0.0.0/24", "reason": "spam", "minutes": 90, "dry_run": true}'
    trial = await admin.ask("POST", "/bans", json=body)

    assert trial.status == 200
    assert trial.json["ban"]["until"] == "2026-11-24T09:30:00Z"
    assert [client["port"] for client in trial.json["clients"]] == [47634, 47635]
    assert (trial.json["count"], trial.json["replaces"], trial.json["warnings"]) == (2, None, [])
    assert alice in admin.chat.clients
    assert len((await admin.ask("GET", "/bans")).json["bans"]) == 1
    assert (await admin.ask("GET", "/audit?action=ban")).json["audit"][0]["what"].startswith("10.0.0.128/25")


async def test_a_trial_warns_of_everybody_of_the_own_address_and_of_an_earlier_ban(admin) -> None:
    admin.connect(47634)
    admin.connect(47635)
    await admin.ask("POST", "/bans", json='{"network": "0.0.0.0/0", "reason": "old", "minutes": 1}')
    admin.connect(47634)
    admin.connect(47635)

    trial = (await admin.ask("POST", "/bans", json='{"network": "0.0.0.0/0", "dry_run": true}')).json
    admin.now += 60
    later = (await admin.ask("POST", "/bans", json='{"network": "0.0.0.0/0", "dry_run": true}')).json

    assert trial["replaces"]["reason"] == "old"
    assert trial["warnings"] == [
        "It would end everybody: all 2 clients.",
        "Your own address, 127.0.0.1, is among those that it is for.",
    ]
    assert later["replaces"] is None


async def test_a_trial_names_a_thousand_clients_and_counts_all(admin) -> None:
    for number in range(1, 1102):
        admin.connect(number)

    trial = (await admin.ask("POST", "/bans", json='{"network": "10.0.0.0/8", "dry_run": true}')).json

    assert (trial["count"], len(trial["clients"])) == (1101, 1000)
    assert len(admin.chat.clients) == 1101


async def test_the_end_and_the_reason_of_a_ban_are_changed_and_it_keeps_its_place(admin) -> None:
    for network in ("10.0.0.0/24", "192.0.2.0/24"):
        await admin.ask("POST", "/bans", json=f'{{"network": "{network}", "reason": "spam", "minutes": 90}}')
    admin.connect(47634)

    longer = await admin.ask("PATCH", "/bans/10.0.0.0/24", json='{"minutes": 120}')
    renamed = await admin.ask("PATCH", "/bans/10.0.0.0/24", json='{"reason": "flood"}')
    permanent = await admin.ask("PATCH", "/bans/10.0.0.0%2F24", json='{"until": null}')

    assert longer.json == {
        "ban": {
            "network": "10.0.0.0/24",
            "reason": "spam",
            "by": "http 127.0.0.1",
            "since": SINCE,
            "until": "2026-11-24T10:00:00Z",
        },
        "kept": True,
    }
    assert (renamed.json["ban"]["reason"], renamed.json["ban"]["until"]) == ("flood", "2026-11-24T10:00:00Z")
    assert (permanent.json["ban"]["reason"], permanent.json["ban"]["until"]) == ("flood", None)
    assert [ban["network"] for ban in (await admin.ask("GET", "/bans")).json["bans"]] == ["10.0.0.0/24", "192.0.2.0/24"]
    assert next((ban.reason, ban.until) for ban in await admin.journal.read_bans()) == ("flood", None)
    audit = (await admin.ask("GET", "/audit?action=change-ban")).json["audit"]
    assert [one["what"] for one in audit] == [
        "10.0.0.0/24 until 2026-11-24 10:00 UTC: spam",
        "10.0.0.0/24 until 2026-11-24 10:00 UTC: flood",
        "10.0.0.0/24 for good: flood",
    ]


@pytest.mark.parametrize(
    ("network", "body", "status"),
    [
        ("10.0.0.1", "{}", 404),
        ("192.0.2.0/25", "{}", 404),
        ("alice", "{}", 400),
        ("192.0.2.0/24", '{"until": "2026-11-24T08:00:00Z"}', 422),
        ("192.0.2.0/24", '{"minutes": 0}', 400),
        ("192.0.2.0/24", '{"minutes": null}', 400),
        ("192.0.2.0/24", '{"network": "10.0.0.0/8"}', 400),
        ("192.0.2.0/24", "", 400),
    ],
)
async def test_a_ban_that_is_not_there_or_a_wrong_end_changes_nothing(admin, network, body, status) -> None:
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.0/24"}')

    assert (await admin.ask("PATCH", f"/bans/{network}", json=body)).status == status

    assert (await admin.ask("GET", "/bans")).json["bans"][0]["until"] is None


async def test_an_expired_ban_cannot_be_changed_to_hold_again(admin) -> None:
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.0/24", "minutes": 1}')
    admin.now += 60

    assert (await admin.ask("PATCH", "/bans/192.0.2.0/24", json='{"minutes": 5}')).status == 404


async def test_bans_are_listed_in_pages_that_others_do_not_shift(admin) -> None:
    for number in range(5):
        await admin.ask("POST", "/bans", json=f'{{"network": "192.0.2.{number}"}}')

    first = (await admin.ask("GET", "/bans?limit=2")).json
    await admin.ask("DELETE", "/bans/192.0.2.0")
    second = (await admin.ask("GET", f"/bans?limit=2&cursor={first['next']}")).json
    third = (await admin.ask("GET", f"/bans?limit=2&cursor={second['next']}")).json

    pages = [[ban["network"][-1] for ban in page["bans"]] for page in (first, second, third)]
    assert pages == [["0", "1"], ["2", "3"], ["4"]]
    assert (first["total"], second["total"], third["next"]) == (5, 4, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=", "cursor=x", "cursor=-1", "cursor=1e9"])
async def test_a_page_that_makes_no_sense_is_400(admin, query: str) -> None:
    assert (await admin.ask("GET", f"/bans?{query}")).status == 400
    assert (await admin.ask("GET", f"/mutes?{query}")).status == 400


async def test_a_hundred_thousand_bans_hold_nothing_when_they_are_listed(open_admin) -> None:
    first = int(ip_address("10.0.0.0"))
    bans = [Ban(ip_network(first + number), "", "x", 0.0) for number in range(BANS_LIMIT)]
    async with open_admin(bans=bans) as admin:
        whole = await admin.ask("GET", "/bans")
        page = await admin.ask("GET", "/bans?limit=2&cursor=99999")

        assert whole.json["total"] == len(whole.json["bans"]) == BANS_LIMIT
        assert [ban["network"] for ban in page.json["bans"]] == ["10.1.134.159"]


async def test_an_ipv6_address_is_banned_with_its_neighbours_and_the_answer_says_so(admin) -> None:
    for number, address in enumerate(["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]):
        admin.connect(1024 + number, address)
    sentence = "2001:db8::1 stands for 2001:db8::/64, all of which is one home; 2001:db8::1/128 is that address alone."

    tried = (await admin.ask("POST", "/bans", json='{"network": "2001:db8::1", "dry_run": true}')).json
    made = (await admin.ask("POST", "/bans", json='{"network": "2001:db8::1"}')).json
    changed = await admin.ask("PATCH", "/bans/2001:db8::1", json='{"minutes": 90}')
    lifted = await admin.ask("DELETE", "/bans/2001:db8::1")

    assert (tried["ban"]["network"], tried["count"], tried["warnings"]) == ("2001:db8::/64", 2, [sentence])
    assert (made["ban"]["network"], made["kicked"], made["warnings"]) == ("2001:db8::/64", 2, [sentence])
    assert [client.address for client in admin.chat.clients] == ["2001:db8:0:1::1"]
    assert changed.json["ban"]["until"] == "2026-11-24T09:30:00Z"
    assert (lifted.status, lifted.json["ban"]["network"]) == (200, "2001:db8::/64")


async def test_an_ipv6_address_alone_is_banned_by_its_prefix_and_lifted_first(admin) -> None:
    for network in ("2001:db8::1/128", "2001:db8::1"):
        await admin.ask("POST", "/bans", json=f'{{"network": "{network}"}}')

    lifted = [(await admin.ask("DELETE", "/bans/2001:db8::1")).json["ban"]["network"] for _ in range(2)]

    assert lifted == ["2001:db8::1/128", "2001:db8::/64"]
    assert (await admin.ask("DELETE", "/bans/2001:db8::1")).status == 404


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("spam", ["192.0.2.0/24"]),
        ("SPAM", ["192.0.2.0/24"]),
        ("192.0.2.7", ["192.0.2.0/24"]),
        ("192.0.2", ["192.0.2.0/24"]),
        ("2001:db8::7", ["2001:db8::/64"]),
        ("http", ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/64"]),
        ("0.0.0.0/0", []),
        ("nothing", []),
    ],
)
async def test_bans_are_searched_by_words_and_by_an_address_that_is_under_them(admin, search, found) -> None:
    for network, reason in (("192.0.2.0/24", "Spam"), ("198.51.100.0/24", ""), ("2001:db8::/64", "")):
        await admin.ask("POST", "/bans", json=f'{{"network": "{network}", "reason": "{reason}"}}')

    answer = (await admin.ask("GET", f"/bans?search={quote(search)}")).json

    assert [one["network"] for one in answer["bans"]] == found
    assert (answer["matching"], answer["total"]) == (len(found), 3)


async def test_what_is_found_comes_in_pages(admin) -> None:
    for number in range(6):
        reason = "spam" if number % 2 else ""
        await admin.ask("POST", "/bans", json=f'{{"network": "10.0.0.{number}", "reason": "{reason}"}}')

    first = (await admin.ask("GET", "/bans?search=spam&limit=2")).json
    rest = (await admin.ask("GET", f"/bans?search=spam&limit=2&cursor={first['next']}")).json

    assert [one["network"] for one in (*first["bans"], *rest["bans"])] == ["10.0.0.1", "10.0.0.3", "10.0.0.5"]
    assert (first["matching"], rest["matching"], rest["next"]) == (3, 3, None)
