"""FAULTS A6: who may ask, by address and by token."""

import base64
from ipaddress import ip_address, ip_network

import pytest

from admin_api.http.access import (
    TRACKED_ORIGINS_MAX,
    WRONG_TOKEN_INTERVAL_S,
    WRONG_TOKENS_BURST,
    Access,
    AccessDecision,
    Authenticator,
)

TOKEN = "correct-horse-battery"
HERE, THERE, ELSEWHERE = ip_address("127.0.0.1"), ip_address("192.0.2.7"), ip_address("2001:db8::7")


@pytest.mark.parametrize(
    ("access", "here", "there"),
    [
        (Access(), AccessDecision.ADMITTED, AccessDecision.NOT_LOCAL),
        (Access(is_open=True), AccessDecision.ADMITTED, AccessDecision.ADMITTED),
        (Access(allow=(ip_network("192.0.2.0/24"),)), AccessDecision.ADMITTED, AccessDecision.ADMITTED),
        (Access(TOKEN), AccessDecision.NO_TOKEN, AccessDecision.NO_TOKEN),
        (Access(TOKEN, is_open=True), AccessDecision.NO_TOKEN, AccessDecision.NO_TOKEN),
        (Access(TOKEN, (ip_network("192.0.2.0/24"),)), AccessDecision.NO_TOKEN, AccessDecision.ADMITTED),
    ],
)
def test_requests_without_a_token(access: Access, here: AccessDecision, there: AccessDecision) -> None:
    authenticator = Authenticator(access)

    assert authenticator.authenticate(HERE, None, 0) is here
    assert authenticator.authenticate(THERE, None, 0) is there


def test_guessing_is_slowed_for_its_address_and_for_no_other() -> None:
    authenticator = Authenticator(Access(TOKEN))
    decisions = [authenticator.authenticate(THERE, f"{TOKEN}{guess}", 0) for guess in range(WRONG_TOKENS_BURST)]

    assert decisions == [AccessDecision.WRONG_TOKEN] * WRONG_TOKENS_BURST
    assert authenticator.authenticate(THERE, "again", 0) is AccessDecision.TOO_MANY_WRONG_TOKENS
    assert authenticator.authenticate(ELSEWHERE, "other", 0) is AccessDecision.WRONG_TOKEN
    assert authenticator.authenticate(THERE, "again", WRONG_TOKEN_INTERVAL_S) is AccessDecision.WRONG_TOKEN
    assert authenticator.authenticate(THERE, "again", WRONG_TOKEN_INTERVAL_S) is AccessDecision.TOO_MANY_WRONG_TOKENS


def test_a10_the_right_token_is_admitted_after_any_number_of_wrong_ones() -> None:
    authenticator = Authenticator(Access(TOKEN))
    for guess in range(10 * WRONG_TOKENS_BURST):
        authenticator.authenticate(THERE, f"{TOKEN}{guess}", 0)

    assert authenticator.authenticate(THERE, TOKEN, 0) is AccessDecision.ADMITTED


def test_addresses_of_one_ipv6_network_guess_together() -> None:
    authenticator = Authenticator(Access(TOKEN))
    for guess in range(WRONG_TOKENS_BURST):
        authenticator.authenticate(ip_address(f"2001:db8::{guess:x}"), "wrong", 0)

    assert authenticator.authenticate(ELSEWHERE, "wrong", 0) is AccessDecision.TOO_MANY_WRONG_TOKENS


def test_the_memory_of_wrong_tokens_is_bounded() -> None:
    authenticator = Authenticator(Access(TOKEN))
    for number in range(TRACKED_ORIGINS_MAX + 5):
        authenticator.authenticate(ip_address(number + 2**24), "wrong", 0)

    assert len(authenticator._wrong_tokens) == TRACKED_ORIGINS_MAX


def basic(name: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode() + "\r\n"


@pytest.mark.parametrize(
    "header",
    [f"Authorization: Bearer {TOKEN}\r\n", f"authorization: bearer {TOKEN}\r\n", basic("", TOKEN), basic("ann", TOKEN)],
)
async def test_the_token_opens_as_bearer_and_as_password(open_admin, header: str) -> None:
    async with open_admin(Access(TOKEN)) as admin:
        assert (await admin.ask("GET", "/clients", headers=header)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Authorization: \r\n",
        "Authorization: Bearer\r\n",
        f"Authorization: Bearer {TOKEN[:-1]}\r\n",
        f"Authorization: Bearer {TOKEN} \xa0\r\n",
        f"Authorization: {TOKEN}\r\n",
        f"Authorization: Digest {TOKEN}\r\n",
        "Authorization: Basic !\r\n",
        basic(TOKEN, ""),
        f"Cookie: token={TOKEN}\r\n",
    ],
)
async def test_a6_any_other_token_is_401_has_no_effect_and_is_not_logged(open_admin, caplog, header: str) -> None:
    async with open_admin(Access(TOKEN)) as admin:
        admin.connect(47634)

        answer = await admin.ask("DELETE", "/clients/47634", headers=header)

        assert answer.status == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert 'realm="trio-chat"' in answer.headers["www-authenticate"]
        assert len(admin.chat.clients) == 1
        assert TOKEN[:-1] not in caplog.text + answer.text


async def test_a6_wrong_tokens_are_slowed_and_logged(open_admin, caplog) -> None:
    async with open_admin(Access(TOKEN)) as admin:
        statuses = [
            (await admin.ask("GET", "/health", headers="Authorization: Bearer wrong\r\n")).status
            for _ in range(WRONG_TOKENS_BURST + 1)
        ]

        assert statuses == [401] * WRONG_TOKENS_BURST + [429]
        assert "refused 127.0.0.1 at the admin API: wrong token" in caplog.text


async def test_the_audit_has_the_name_that_came_with_the_token(open_admin) -> None:
    async with open_admin(Access(TOKEN)) as admin:
        admin.connect(47634)
        await admin.ask("DELETE", "/clients/47634", headers=basic("ann", TOKEN))

        (record,) = (await admin.ask("GET", "/audit", headers=basic("bob", TOKEN))).json["audit"]

    assert record == {
        "id": 1,
        "time": "2026-11-24T08:00:00Z",
        "who": "http ann@127.0.0.1",
        "action": "kick",
        "what": "10.0.0.1:47634",
    }
