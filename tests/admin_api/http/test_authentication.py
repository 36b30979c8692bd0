"""Requests of browsers that have signed in: cookies, their renewal, and what may be done by them."""

import time
from urllib.parse import quote

import pytest

from admin_api.http.access import WRONG_TOKENS_BURST, Access
from admin_api.http.browser_session import RENEWED_AFTER_S, BrowserSessions

TOKEN = "correct-horse-battery"
SIGN_IN = "/console/sign-in"


def cookie(token: str = TOKEN, *, age_s: float = 0, name: str = "ann") -> str:
    """The header of a browser that signed in with a token some time ago."""
    sessions = BrowserSessions(token)
    return f"Cookie: {sessions.cookie_name}={sessions.open(name, time.time() - age_s)}\r\n"


def csrf(header: str) -> str:
    session = BrowserSessions(TOKEN).read(header.strip().partition("=")[2], time.time())
    assert session is not None
    return f"X-CSRF-Token: {session.csrf_token}\r\n"


async def sign_in(admin, token: str, **headers: str):
    form = f"token={quote(token)}&name=ann&next=/console/clients"
    origin = headers.get("origin", "http://localhost")
    return await admin.post(SIGN_IN, form, "application/x-www-form-urlencoded", f"Origin: {origin}\r\n")


async def test_the_token_is_answered_by_a_cookie_that_scripts_and_other_sites_never_see(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        answer = await sign_in(admin, TOKEN)

    assert answer.status == 303
    assert answer.headers["location"] == "/console/clients"
    attributes = answer.headers["set-cookie"].split("; ")
    assert {"httponly", "samesite=strict", "path=/"} <= set(attributes)
    assert TOKEN not in answer.headers["set-cookie"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
async def test_a_page_of_another_origin_signs_nobody_in(open_admin, origin):
    async with open_admin(Access(TOKEN)) as admin:
        answer = await sign_in(admin, TOKEN, origin=origin)

    assert answer.status == 403
    assert "set-cookie" not in answer.headers


async def test_wrong_tokens_are_refused_and_slowed_down_and_the_right_one_works(open_admin, autojump_clock):
    async with open_admin(Access(TOKEN)) as admin:
        statuses = [(await sign_in(admin, f"wrong{number}")).status for number in range(WRONG_TOKENS_BURST + 1)]

        assert statuses == [401] * WRONG_TOKENS_BURST + [429]
        assert (await sign_in(admin, TOKEN)).status == 303


async def test_a_cookie_reads_and_with_the_csrf_token_changes(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        header = cookie()
        body = '{"network": "192.0.2.1"}'

        assert (await admin.ask("GET", "/clients", headers=header)).status == 200
        assert (await admin.ask("POST", "/bans", json=body, headers=header)).status == 403
        assert (await admin.ask("POST", "/bans", json=body, headers=header + "X-CSRF-Token: 00\r\n")).status == 403
        made = await admin.ask("POST", "/bans", json=body, headers=header + csrf(header))

    assert made.status == 201
    assert made.json["ban"]["by"] == "http ann@127.0.0.1"


def changed(header: str) -> str:
    """Change the last digit of a cookie, whatever it is."""
    return header[:-3] + ("1" if header[-3] == "0" else "0") + "\r\n"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (cookie("another-token-of-old"), 401),
        (changed(cookie()), 401),
        (cookie(age_s=13 * 3600), 401),
        (cookie(age_s=2 * 3600), 401),
        (cookie() + "Origin: http://evil.example\r\n", 403),
        (cookie() + "Sec-Fetch-Site: cross-site\r\n", 403),
        (cookie() + "Authorization: Bearer wrong\r\n", 401),
    ],
    ids=["of another token", "changed", "too old", "unused", "other origin", "other site", "beside a wrong token"],
)
async def test_a_cookie_that_is_not_good_is_refused(open_admin, header, status):
    async with open_admin(Access(TOKEN)) as admin:
        assert (await admin.ask("GET", "/clients", headers=header)).status == status


async def test_a_cookie_that_has_aged_is_replaced(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        fresh = await admin.ask("GET", "/clients", headers=cookie())
        aged = await admin.ask("GET", "/clients", headers=cookie(age_s=RENEWED_AFTER_S + 1))

    assert "set-cookie" not in fresh.headers
    assert "set-cookie" in aged.headers


@pytest.mark.parametrize("age_s", [0, RENEWED_AFTER_S + 1])
async def test_who_signs_out_is_given_no_new_cookie_and_copies_of_the_old_one_are_good_for_nothing(open_admin, age_s):
    async with open_admin(Access(TOKEN)) as admin:
        header = cookie(age_s=age_s)
        assert (await admin.ask("GET", "/clients", headers=header)).status == 200

        out = await admin.post("/console/sign-out", "", "", header + csrf(header))

        assert out.status == 204
        assert "max-age=0" in out.headers["set-cookie"]
        assert (await admin.ask("GET", "/clients", headers=header)).status == 401
        assert (await admin.ask("GET", "/clients", headers=cookie())).status == 200


async def test_signing_out_by_token_ends_nothing(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        bearer = f"Authorization: Bearer {TOKEN}\r\n"
        assert (await admin.post("/console/sign-out", "", "", bearer)).status == 204
        assert (await admin.ask("GET", "/clients", headers=bearer)).status == 200


async def test_a_script_of_a_page_is_not_asked_for_a_password_by_the_browser(open_admin):
    async with open_admin(Access(TOKEN)) as admin:
        by_script = await admin.ask(
            "GET", "/clients", headers="Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n"
        )
        by_curl = await admin.ask("GET", "/clients")

    assert "www-authenticate" not in by_script.headers
    assert "www-authenticate" in by_curl.headers


@pytest.mark.parametrize(
    "asked", ["//evil.example/console/", "http://evil.example/", "/console/../clients", "javascript:x"]
)
async def test_signing_in_leads_to_no_other_site(open_admin, asked):
    async with open_admin(Access(TOKEN)) as admin:
        form = f"token={TOKEN}&next={quote(asked)}"
        headers = "Origin: http://localhost\r\n"
        answer = await admin.post(SIGN_IN, form, "application/x-www-form-urlencoded", headers)

    assert answer.headers["location"] == "/console/"
