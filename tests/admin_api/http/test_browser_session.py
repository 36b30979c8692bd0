"""Cookies of signed-in browsers: until when and for whom they are valid."""

import pytest

from admin_api.http.browser_session import ENDED_MAX, IDLE_S, LIFETIME_S, RENEWED_AFTER_S, BrowserSessions

NOW = 1795507200.5


@pytest.fixture
def sessions() -> BrowserSessions:
    return BrowserSessions("the token")


def test_a_cookie_is_read_as_it_was_made(sessions):
    session = sessions.read(sessions.open("Zoë of #ops", NOW), NOW)

    assert session is not None
    assert session.name == "Zoë of #ops"


def test_two_sessions_have_two_csrf_tokens(sessions):
    one, other = (sessions.read(sessions.open("ann", NOW), NOW) for _ in range(2))

    assert one is not None
    assert other is not None
    assert one.csrf_token != other.csrf_token


def test_a_session_ends_when_it_is_not_used(sessions):
    cookie = sessions.open("", NOW)

    assert sessions.read(cookie, NOW + IDLE_S - 1)
    assert sessions.read(cookie, NOW + IDLE_S) is None


def test_a_session_that_is_used_ends_after_its_lifetime_and_keeps_its_csrf_token(sessions):
    cookie, now, csrf_tokens = sessions.open("", NOW), NOW, set()
    while session := sessions.read(cookie, now):
        csrf_tokens.add(session.csrf_token)
        if session.needs_renewal(now):
            cookie = sessions.renew(session, now)
        now += RENEWED_AFTER_S

    assert LIFETIME_S - RENEWED_AFTER_S <= now - NOW <= LIFETIME_S + RENEWED_AFTER_S
    assert len(csrf_tokens) == 1


def test_a_new_token_ends_every_session(sessions):
    other = BrowserSessions("another token")

    assert other.read(sessions.open("ann", NOW), NOW) is None
    assert other.cookie_name != sessions.cookie_name


def test_the_memory_of_ended_sessions_is_bounded(sessions):
    cookies = [sessions.open("ann", NOW) for _ in range(ENDED_MAX + 1)]
    for cookie in cookies:
        session = sessions.read(cookie, NOW)
        assert session is not None
        sessions.end(session)

    assert [sessions.read(cookie, NOW) is None for cookie in cookies] == [False, *[True] * ENDED_MAX]


@pytest.mark.parametrize("place", range(0, 130, 7))
def test_a_cookie_that_was_changed_anywhere_is_refused(sessions, place):
    cookie = sessions.open("ann", NOW)
    place %= len(cookie)
    changed = "0" if cookie[place] != "0" else "1"

    assert sessions.read(cookie[:place] + changed + cookie[place + 1 :], NOW) is None


@pytest.mark.parametrize("cookie", ["", ".", "...", "a.b.c.d.e", "\udc80.\udc80", "9" * 5000])
def test_nonsense_is_no_session(sessions, cookie):
    assert sessions.read(cookie, NOW) is None
