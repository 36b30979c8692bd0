"""Checks before every request: the host name (DNS rebinding), the origin (cross-site requests) and the token.

A browser sends the origin of a request; a command line does not and is admitted. So these rules restrict web pages: no
page of another origin can read or change anything here, whatever host name it uses.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from quart import Response, request, websocket
from quart_trio import QuartTrio
from werkzeug.datastructures import Headers
from werkzeug.routing import Rule

from admin_api.http.authentication import SAFE_METHODS, Audience, Authentication
from admin_api.http.problems import problem

# The lengths are those of an address, and of a name in RFC 1035, section 2.3.4.
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,254}))(?::[0-9]{1,5})?", re.ASCII)
_CHANGING_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# The content types that a form can send without a preflight request, https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}


def guard(
    app: QuartTrio,
    authentication: Authentication,
    names: Collection[str] = (),
    audiences: Mapping[str, Audience] = MappingProxyType({}),
) -> None:
    """Let `app` refuse requests before their endpoint runs: by host name, origin, token, and size and time of the body.

    `names` are host names of the API, besides the machine's own. `audiences` are by the name of the view; others are
    for operators. `g.by` is the name of an admitted operator. A refused request is answered and ends its connection.
    """
    own_names = {socket.gethostname().lower(), *(name.lower() for name in names)}

    async def check_request() -> Response | None:
        audience = _audience(request.url_rule, audiences)
        is_named = audience is not Audience.ANYONE_BY_ANY_NAME
        refusal = refuse(
            request.headers,
            method=request.method,
            names=own_names if is_named else None,
            is_routed=request.url_rule is not None,
        )
        if refusal is None and audience is Audience.OPERATORS:
            refusal = await authentication.refuse(request)
        if refusal is None and ({"Content-Length", "Transfer-Encoding"} & set(request.headers.keys())):
            await request.get_data()  # raises 413 and 408, so that endpoints see only complete requests
        return _closing_connection(refusal)

    async def check_websocket() -> Response | None:
        refusal = refuse(websocket.headers, method="GET", names=own_names) or await authentication.refuse(websocket)
        return _closing_connection(refusal)

    app.before_request(check_request)
    app.before_websocket(check_websocket)
    authentication.renew_cookies_of(app)


def _audience(rule: Rule | None, audiences: Mapping[str, Audience]) -> Audience:
    return audiences.get(rule.endpoint, Audience.OPERATORS) if rule else Audience.OPERATORS


def _closing_connection(refusal: Response | None) -> Response | None:
    # Otherwise strangers who send hundreds of requests at once and read nothing occupy all connections for seconds.
    if refusal is not None:
        refusal.headers["Connection"] = "close"
    return refusal


def refuse(headers: Headers, *, method: str, names: Collection[str] | None, is_routed: bool = True) -> Response | None:
    """Return the answer that refuses a request with these headers, or None.

    Without `names`, any Host and any type of body will do. So will any body where no endpoint takes the request
    (`is_routed`): it is answered by 404, or by 405 at a path that takes plain text by another method.
    """
    # Health checks of load balancers send HTTP/1.0 without a Host, as HAProxy's does. A browser always sends one.
    is_nameless = not headers.get("Host") and method in SAFE_METHODS
    if names is not None and not is_nameless and not is_host_allowed(headers.getlist("Host"), names=names):
        return problem(
            403,
            "The Host header has to be an IP address, localhost, this machine's name or one given by --admin-name.",
        )
    if not is_same_origin(headers, method=method):
        return problem(403, "Web pages of another origin may not use the admin API.")
    if any(name in headers for name in _OVERRIDES):
        return problem(403, "Overriding the method is not supported: use the method itself.")
    if names is not None and is_routed and method in _CHANGING_METHODS and is_form(headers):
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

    A link of another page that opens ours in a tab is admitted: that page can neither change nor read anything by it.
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
    """Tell whether a form may have sent the body, of an unknown origin."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in _FORM_TYPES and "Origin" not in headers
