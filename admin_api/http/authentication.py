"""Authentication of a request: by its address, a token, or the cookie of a browser that has signed in."""

import hmac
import logging
import time
from enum import Enum, auto

import trio
from quart import Quart, Request, Response, Websocket, g, has_request_context, request
from werkzeug.datastructures import Authorization

from admin_api.http.access import (
    WRONG_TOKEN_DELAY_S,
    WRONG_TOKEN_INTERVAL_S,
    Access,
    AccessDecision,
    Authenticator,
)
from admin_api.http.browser_session import LIFETIME_S, BrowserSession, BrowserSessions
from admin_api.http.listening import MAKE_WAY
from admin_api.http.problems import problem
from trio_chat.chat.operators.networks import address_of
from trio_chat.chat.text import excerpt

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
CSRF_HEADER = "X-CSRF-Token"
NAME_LIMIT = 32

_CHALLENGES = (
    ("WWW-Authenticate", 'Bearer realm="trio-chat"'),
    ("WWW-Authenticate", 'Basic realm="trio-chat", charset="UTF-8"'),
)
_REFUSALS = {
    AccessDecision.NO_TOKEN: (
        401,
        "A token is needed: Authorization: Bearer TOKEN, or any name with TOKEN as its password.",
    ),
    AccessDecision.WRONG_TOKEN: (401, "That is not the token."),
    AccessDecision.TOO_MANY_WRONG_TOKENS: (429, "Too many wrong tokens came from your address: wait."),
    AccessDecision.NOT_LOCAL: (403, "Only this machine and the networks of --admin-allow may use the admin API."),
}

logger = logging.getLogger("trio_chat.serve.admin")


class Audience(Enum):
    """The callers of a route."""

    OPERATORS = auto()
    """Those whom the settings admit: by address, token or browser session."""
    ANYONE = auto()
    """No token is asked for; the rules for hosts and origins hold."""
    ANYONE_BY_ANY_NAME = auto()
    """Nor is the Host header checked. The origin is."""


class Authentication:
    """Authenticates requests, and signs browsers in and out."""

    def __init__(self, access: Access) -> None:
        self.has_token = bool(access.token)
        self._authenticator = Authenticator(access)
        self._sessions = BrowserSessions(access.token)

    def renew_cookies_of(self, app: Quart) -> None:
        """Let every answer of `app` to a browser whose cookie has aged bring a new one."""
        app.after_request(self._renew)

    async def refuse(self, asked: Request | Websocket) -> Response | None:
        """Return the answer that refuses a request. -> None for an admitted one, whose operator is `g.by`

        `g.browser_session` is the session of a browser that has signed in, or None.
        """
        g.browser_session = self._session_of(asked) if self.has_token and not asked.authorization else None
        if g.browser_session is None:
            return await self._authenticate(asked, token_of(asked.authorization))
        g.by = _by(g.browser_session.name, asked)
        sent = asked.headers.get(CSRF_HEADER, "")
        if asked.method in SAFE_METHODS or hmac.compare_digest(sent.encode(), g.browser_session.csrf_token.encode()):
            return None
        return problem(403, f"A change by a signed-in page needs the header {CSRF_HEADER}. Load the page again.")

    async def sign_in(self, token: str, name: str, answer: Response) -> Response | None:
        """Give `answer` the cookie of a new session, and return None; or return the answer that refuses the token."""
        if refusal := await self._authenticate(request, token):
            return refusal
        self._set_cookie(answer, self._sessions.open(excerpt(name, NAME_LIMIT), time.time()))
        return None

    def sign_out(self, answer: Response) -> None:
        """End the session of the request, and let `answer` delete the cookie."""
        if session := g.browser_session:
            self._sessions.end(session)
            g.browser_session = None  # or an aged cookie would be replaced
        answer.delete_cookie(self._sessions.cookie_name, path="/")

    def _session_of(self, asked: Request | Websocket) -> BrowserSession | None:
        cookie = asked.cookies.get(self._sessions.cookie_name)
        return self._sessions.read(cookie, time.time()) if cookie else None

    async def _authenticate(self, asked: Request | Websocket, token: str | None) -> Response | None:
        address = address_of(asked.remote_addr or "")
        decision = self._authenticator.authenticate(address, token, trio.current_time())
        if decision is AccessDecision.ADMITTED:
            g.by = _by((asked.authorization.username or "") if asked.authorization else "", asked)
            return None
        if decision is not AccessDecision.NO_TOKEN:  # browsers send none at first
            logger.warning("refused %s at the admin API: %s", address, decision.name.lower().replace("_", " "))
        if decision is AccessDecision.TOO_MANY_WRONG_TOKENS:
            asked.scope["state"][MAKE_WAY]()
            await trio.sleep(WRONG_TOKEN_DELAY_S)
        status, detail = _REFUSALS[decision]
        return problem(status, detail, headers=_headers(status, asked))

    async def _renew(self, answer: Response) -> Response:
        session: BrowserSession | None = g.get("browser_session")
        if has_request_context() and session and session.needs_renewal(time.time()):
            self._set_cookie(answer, self._sessions.renew(session, time.time()))
        return answer

    def _set_cookie(self, answer: Response, cookie: str) -> None:
        answer.set_cookie(
            self._sessions.cookie_name,
            cookie,
            max_age=LIFETIME_S,
            path="/",
            secure=request.scheme == "https",
            httponly=True,
            samesite="Strict",
        )


def token_of(authorization: Authorization | None) -> str | None:
    """Return the token of a request: a bearer token, or the password of HTTP basic with any name."""
    if authorization is None:
        return None
    return {"bearer": authorization.token, "basic": authorization.password}.get(authorization.type)


def _headers(status: int, asked: Request | Websocket) -> tuple[tuple[str, str], ...]:
    if status == 429:
        return (("Retry-After", str(WRONG_TOKEN_INTERVAL_S)),)
    # A script of our page reads the status itself; a challenge would let the browser ask for a password.
    is_script = asked.headers.get("Sec-Fetch-Mode") in {"cors", "same-origin"}
    return _CHALLENGES if status == 401 and not is_script else ()


def _by(name: str, asked: Request | Websocket) -> str:
    address = address_of(asked.remote_addr or "")
    return f"http {excerpt(name, NAME_LIMIT)}@{address}" if name else f"http {address}"
