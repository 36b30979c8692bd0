"""FAULTS A6: who may ask, by address and by token."""

import base64
from ipaddress import ip_address, ip_network

import pytest

from admin_api.http.access import GUESS_S, GUESSES_AT_ONCE, KNOWN_GUESSERS, Access, Gate, Verdict

TOKEN = "correct-horse-battery"
HERE, THERE, ELSEWHERE = ip_address("127.0.0.1"), ip_address("192.0.2.7"), ip_address("2001:db8::7")


@pytest.mark.parametrize(
    ("access", "here", "there"),
    [
        (Access(), Verdict.ADMITTED, Verdict.FOREIGN),
        (Access(is_open=True), Verdict.ADMITTED, Verdict.ADMITTED),
        (Access(allow=(ip_network("192.0.2.0/24"),)), Verdict.ADMITTED, Verdict.ADMITTED),
        (Access(TOKEN), Verdict.NO_TOKEN, Verdict.NO_TOKEN),
        (Access(TOKEN, is_open=True), Verdict.NO_TOKEN, Verdict.NO_TOKEN),
        (Access(TOKEN, (ip_network("192.0.2.0/24"),)), Verdict.NO_TOKEN, Verdict.ADMITTED),
    ],
)
def test_who_may_ask_without_a_token(access: Access, here: Verdict, there: Verdict) -> None:
    gate = Gate(access)

    assert gate.judge(HERE, None, 0) is here
    assert gate.judge(THERE, None, 0) is there


def test_guessing_is_slowed_for_its_address_and_for_no_other() -> None:
    gate = Gate(Access(TOKEN))
    verdicts = [gate.judge(THERE, f"{TOKEN}{guess}", 0) for guess in range(GUESSES_AT_ONCE)]

    assert verdicts == [Verdict.WRONG_TOKEN] * GUESSES_AT_ONCE
    assert gate.judge(THERE, "again", 0) is Verdict.TOO_MANY_GUESSES
    assert gate.judge(THERE, TOKEN, 0) is Verdict.TOO_MANY_GUESSES
    assert gate.judge(ELSEWHERE, TOKEN, 0) is Verdict.ADMITTED
    assert gate.judge(THERE, "again", GUESS_S) is Verdict.WRONG_TOKEN
    assert gate.judge(THERE, TOKEN, GUESS_S) is Verdict.TOO_MANY_GUESSES
    assert gate.judge(THERE, TOKEN, 2 * GUESS_S) is Verdict.ADMITTED


def test_addresses_of_one_ipv6_network_guess_together() -> None:
    gate = Gate(Access(TOKEN))
    for guess in range(GUESSES_AT_ONCE):
        gate.judge(ip_address(f"2001:db8::{guess:x}"), "wrong", 0)

    assert gate.judge(ELSEWHERE, TOKEN, 0) is Verdict.TOO_MANY_GUESSES


def test_what_is_remembered_of_guessers_is_bounded() -> None:
    gate = Gate(Access(TOKEN))
    for number in range(KNOWN_GUESSERS + 5):
        gate.judge(ip_address(number + 2**24), "wrong", 0)

    assert len(gate._guessers) == KNOWN_GUESSERS


def basic(name: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode() + "\r\n"


@pytest.mark.parametrize(
    "header",
    [f"Authorization: Bearer {TOKEN}\r\n", f"authorization: bearer {TOKEN}\r\n", basic("", TOKEN), basic("ann", TOKEN)],
)
async def test_the_token_opens_as_bearer_and_as_password(open_office, header: str) -> None:
    async with open_office(Access(TOKEN)) as office:
        assert (await office.ask("GET", "/clients", headers=header)).status == 200


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
async def test_a6_anything_else_is_401_has_no_effect_and_is_not_logged_with_what_was_given(
    open_office, caplog, header: str
) -> None:
    async with open_office(Access(TOKEN)) as office:
        office.connect(47634)

        answer = await office.ask("DELETE", "/clients/47634", headers=header)

        assert answer.status == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert 'realm="trio-chat"' in answer.headers["www-authenticate"]
        assert len(office.chat.clients) == 1
        assert TOKEN[:-1] not in caplog.text + answer.text


async def test_a6_wrong_tokens_are_slowed_and_logged(open_office, caplog) -> None:
    async with open_office(Access(TOKEN)) as office:
        statuses = [
            (await office.ask("GET", "/health", headers="Authorization: Bearer wrong\r\n")).status
            for _ in range(GUESSES_AT_ONCE + 1)
        ]

        assert statuses == [401] * GUESSES_AT_ONCE + [429]
        assert "refused 127.0.0.1 at the admin API: wrong token" in caplog.text


async def test_the_audit_has_the_name_that_came_with_the_token(open_office) -> None:
    async with open_office(Access(TOKEN)) as office:
        office.connect(47634)
        await office.ask("DELETE", "/clients/47634", headers=basic("ann", TOKEN))

        (record,) = (await office.ask("GET", "/audit", headers=basic("bob", TOKEN))).json["audit"]

    assert record == {
        "time": "2026-11-24T08:00:00Z",
        "who": "http ann@127.0.0.1",
        "action": "kick",
        "what": "10.0.0.1:47634",
    }
