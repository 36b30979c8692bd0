"""Bans and the audit over HTTP."""

import pytest

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
    assert (made.status, made.json) == (201, {"ban": ban, "kicked": 1, "kept": True})
    assert [client.port for client in admin.chat.clients] == [47635]
    assert listed.json == {"bans": [ban]}
    assert (lifted.status, lifted.json) == (200, {"ban": ban, "kept": True})
    assert (await admin.ask("GET", "/bans")).json == {"bans": []}
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
    assert (await admin.ask("GET", "/bans")).json == {"bans": []}


@pytest.mark.parametrize("until", [SINCE, "9999-12-31T23:59:59-14:00"])
async def test_an_end_that_is_over_or_too_far_away_is_422(admin, until: str) -> None:
    answer = await admin.ask("POST", "/bans", json=f'{{"network": "10.0.0.1", "until": "{until}"}}')

    assert answer.status == 422
    assert (await admin.ask("GET", "/bans")).json == {"bans": []}


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
