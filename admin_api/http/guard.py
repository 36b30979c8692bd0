"""Checks before every request: the host name (DNS rebinding), the origin (cross-site requests) and the token.

A browser sends the origin of a request; a command line does not and is admitted. So these rules restrict web pages: no
page of another origin can read or change anything here, whatever host name it uses.
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

from admin_api.http.access import (
    WRONG_TOKEN_DELAY_S,
    WRONG_TOKEN_INTERVAL_S,
    Access,
    AccessDecision,
    Authenticator,
)
from admin_api.http.listening import MAKE_WAY
from admin_api.http.problems import problem
from trio_chat.chat.operators.networks import address_of
from trio_chat.chat.text import excerpt

# The lengths are those of an address, and of a name in RFC 1035, section 2.3.4.
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,254}))(?::[0-9]{1,5})?", re.ASCII)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# The content types that a form can send without a preflight request, https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}

_CHALLENGES = (
    ("WWW-Authenticate", 'Bearer realm="trio-chat"'),
    ("WWW-Authenticate", 'Basic realm="trio-chat", charset="UTF-8"'),
)
_REFUSALS = {
    AccessDecision.NO_TOKEN: (
        401,
        "A token is needed: Authorization: Bearer TOKEN, or any name with TOKEN as its password.",
        _CHALLENGES,
    ),
    AccessDecision.WRONG_TOKEN: (401, "That is not the token.", _CHALLENGES),
    AccessDecision.TOO_MANY_WRONG_TOKENS: (
        429,
        "Too many wrong tokens came from your address: wait.",
        (("Retry-After", str(WRONG_TOKEN_INTERVAL_S)),),
    ),
    AccessDecision.NOT_LOCAL: (403, "Only this machine and the networks of --admin-allow may use the admin API.", ()),
}
_NAME_LIMIT = 32

logger = logging.getLogger("trio_chat.serve.admin")


def guard(app: QuartTrio, access: Access) -> None:
    """Let `app` refuse requests before their endpoint runs: by host name, origin, token, and size and time of the body.

    `g.by` is the name of an admitted operator. A refused request is answered and ends its connection.
    """
    names = {socket.gethostname().lower(), *(name.lower() for name in access.names)}
    authenticator = Authenticator(access)

    async def check_request() -> Response | None:
        refusal = refuse(request.headers, method=request.method, names=names) or await _authenticate(
            authenticator, request
        )
        if refusal is None and ({"Content-Length", "Transfer-Encoding"} & set(request.headers.keys())):
            await request.get_data()  # raises 413 and 408, so that endpoints see only complete requests
        return _closing_connection(refusal)

    async def check_websocket() -> Response | None:
        refusal = refuse(websocket.headers, method="GET", names=names) or await _authenticate(authenticator, websocket)
        return _closing_connection(refusal)

    app.before_request(check_request)
    app.before_websocket(check_websocket)


def _closing_connection(refusal: Response | None) -> Response | None:
    # Otherwise strangers who send hundreds of requests at once and read nothing occupy all connections for seconds.
    if refusal is not None:
        refusal.headers["Connection"] = "close"
    return refusal


async def _authenticate(authenticator: Authenticator, asked: Request | Websocket) -> Response | None:
    """Return the answer that refuses a request, or None and set `g.by`."""
    address = address_of(asked.remote_addr or "")
    authorization = asked.authorization
    decision = authenticator.authenticate(address, token_of(authorization), trio.current_time())
    if decision is AccessDecision.ADMITTED:
        name = excerpt(authorization.username or "", _NAME_LIMIT) if authorization else ""
        g.by = f"http {name}@{address}" if name else f"http {address}"
        return None
    if decision is not AccessDecision.NO_TOKEN:  # browsers send none at first
        logger.warning("refused %s at the admin API: %s", address, decision.name.lower().replace("_", " "))
    if decision is AccessDecision.TOO_MANY_WRONG_TOKENS:
        asked.scope["state"][MAKE_WAY]()
        await trio.sleep(WRONG_TOKEN_DELAY_S)
    status, detail, headers = _REFUSALS[decision]
    return problem(status, detail, headers=headers)


def token_of(authorization: Authorization | None) -> str | None:
    """Return the token of a request: a bearer token, or the password of HTTP basic with any name."""
    if authorization is None:
        return None
    return {"bearer": authorization.token, "basic": authorization.password}.get(authorization.type)


def refuse(headers: Headers, *, method: str, names: Collection[str]) -> Response | None:
    """Return the answer that refuses a request with these headers, or None."""
    # Health checks of load balancers send HTTP/1.0 without a Host, as HAProxy's does. A browser always sends one.
    is_nameless = not headers.get("Host") and method in _SAFE_METHODS
    if not is_nameless and not is_host_allowed(headers.getlist("Host"), names=names):
        return problem(
            403,
            "The Host header has to be an IP address, localhost, this machine's name or one given by --admin-name.",
        )
    if not is_same_origin(headers, method=method):
        return problem(403, "Web pages of another origin may not use the admin API.")
    if any(name in headers for name in _OVERRIDES):
        return problem(403, "Overriding the method is not supported: use the method itself.")
    if method not in _SAFE_METHODS and is_form(headers):
        return problem(403, "Forms are not accepted: send Content-Type: application/json.")
    return None


def is_host_allowed(hosts: list[str], *, names: Collection[str]) -> bool:
    """Tell whether there is one Host header, with a name that an attacker's DNS cannot point at us.

    That is an IP address, a name without dots (such as localhost) or one of `names` (in lower case).
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
    """Tell whether a request comes from no web page, or from one of our own.

    A link of another page that opens ours in a tab is admitted: that page can neither do nor read anything by it.
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
    """Tell whether a form could have sent the body, and no Origin header says from where."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in _FORM_TYPES and "Origin" not in headers
