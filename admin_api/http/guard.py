"""Who may ask: names under which we are called (DNS rebinding), pages that ask (cross-site requests), and tokens.

A browser tells where a request comes from; a command line does not and is let through. So the rules below bind web
pages: none of another origin can read or do anything here, by whatever name it calls us.
"""

import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Collection

import trio
from quart import Request, Response, Websocket, g, request, websocket
from quart_trio import QuartTrio
from werkzeug.datastructures import Authorization, Headers

from admin_api.http.access import GUESS_S, Access, Gate, Verdict
from admin_api.http.problems import problem
from trio_chat.chat.operators.networks import address_of
from trio_chat.chat.text import clean

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# What a form can send without asking by a preflight, https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}

_CHALLENGES = (
    ("WWW-Authenticate", 'Bearer realm="trio-chat"'),
    ("WWW-Authenticate", 'Basic realm="trio-chat", charset="UTF-8"'),
)
_REFUSALS = {
    Verdict.NO_TOKEN: (
        401,
        "A token is needed: Authorization: Bearer TOKEN, or any name with TOKEN as its password.",
        _CHALLENGES,
    ),
    Verdict.WRONG_TOKEN: (401, "That is not the token.", _CHALLENGES),
    Verdict.TOO_MANY_GUESSES: (
        429,
        "Too many wrong tokens came from your address: wait.",
        (("Retry-After", str(GUESS_S)),),
    ),
    Verdict.FOREIGN: (403, "Only this machine and the networks that the settings list may ask.", ()),
}
_NAME_LIMIT = 32

logger = logging.getLogger("trio_chat.serve.admin")


def guard(app: QuartTrio, access: Access) -> None:
    """Refuse, before any view of `app` runs: foreign names, foreign pages, strangers, bodies too long or too slow.

    Who is let through is known as `g.by`. Who is not is answered once; what else came on that connection goes unread.
    """
    names = {socket.gethostname().lower(), *(name.lower() for name in access.names)}
    gate = Gate(access)

    async def check_request() -> Response | None:
        refusal = refuse(request.headers, method=request.method, names=names) or _ask_for_token(gate, request)
        if refusal is None and ({"Content-Length", "Transfer-Encoding"} & set(request.headers.keys())):
            await request.get_data()  # raises 413 and 408, so that a view acts on whole requests only
        return _with_the_end_of_its_connection(refusal)

    async def check_websocket() -> Response | None:
        refusal = refuse(websocket.headers, method="GET", names=names) or _ask_for_token(gate, websocket)
        return _with_the_end_of_its_connection(refusal)

    app.before_request(check_request)
    app.before_websocket(check_websocket)


def _with_the_end_of_its_connection(refusal: Response | None) -> Response | None:
    # Otherwise strangers who send hundreds of requests at once and read nothing keep all places busy, for seconds.
    if refusal is not None:
        refusal.headers["Connection"] = "close"
    return refusal


def _ask_for_token(gate: Gate, asked: Request | Websocket) -> Response | None:
    """Return the answer to one who may not ask, or None."""
    address = address_of(asked.remote_addr or "")
    authorization = asked.authorization
    verdict = gate.judge(address, token_of(authorization), trio.current_time())
    if verdict is Verdict.ADMITTED:
        name = clean(authorization.username or "")[:_NAME_LIMIT] if authorization else ""
        g.by = f"http {name}@{address}" if name else f"http {address}"
        return None
    if verdict is not Verdict.NO_TOKEN:  # a browser asks without one first
        logger.warning("refused %s at the admin API: %s", address, verdict.name.lower().replace("_", " "))
    status, detail, headers = _REFUSALS[verdict]
    return problem(status, detail, headers=headers)


def token_of(authorization: Authorization | None) -> str | None:
    """Return the token that a request gives: a bearer token, or the password of HTTP basic with any name."""
    if authorization is None:
        return None
    return {"bearer": authorization.token, "basic": authorization.password}.get(authorization.type)


def refuse(headers: Headers, *, method: str, names: Collection[str]) -> Response | None:
    """Return the answer that refuses a request with these headers, or None if it may be served."""
    if not is_host_allowed(headers.getlist("Host"), names=names):
        return problem(
            403,
            "The Host header must be an IP address, localhost, this machine's name or one that the settings list.",
        )
    if not is_same_origin(headers, method=method):
        return problem(403, "A web page of another origin may not use this interface.")
    if any(name in headers for name in _OVERRIDES):
        return problem(403, "Overriding the method is not supported: send the method itself.")
    if method not in _SAFE_METHODS and is_form(headers):
        return problem(403, "Forms are not accepted: send Content-Type: application/json.")
    return None


def is_host_allowed(hosts: list[str], *, names: Collection[str]) -> bool:
    """Tell whether the Host headers are one, and one that no attacker's DNS can point at us.

    That is an IP address, a name without dots (localhost among them) or one of `names` (in lower case).
    """
    match = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    if match is None:
        return False
    if match["v6"]:
        return _is_address(match["v6"], ipaddress.IPv6Address)
    name = match["name"].removesuffix(".")
    return name != "" and ("." not in name or name in names or _is_address(name, ipaddress.IPv4Address))


def _is_address(text: str, read: Callable[[str], object]) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Headers, *, method: str) -> bool:
    """Tell whether a request is no web page's, or one of our own pages'.

    A link on another page that opens ours in a tab is let through: it can do nothing and read nothing.
    """
    host = headers.get("Host", "").lower()
    if any(origin.lower() not in {f"http://{host}", f"https://{host}"} for origin in headers.getlist("Origin")):
        return False
    site = headers.get("Sec-Fetch-Site")
    return site in {None, "same-origin", "none"} or (
        method in {"GET", "HEAD"}
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
    )


def is_form(headers: Headers) -> bool:
    """Tell whether the body is one that a page's form could have sent, and no browser vouches for where it is from."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in _FORM_TYPES and "Origin" not in headers
