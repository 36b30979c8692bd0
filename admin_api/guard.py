"""Who may ask: names under which we are called (DNS rebinding), and pages that ask (cross-site requests).

A browser tells where a request comes from; a command line does not and is let through. So the rules below bind web
pages: none of another origin can read or do anything here, by whatever name it calls us.
"""

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable
from typing import Any

from quart import Response, request, websocket
from quart_trio import QuartTrio
from werkzeug.datastructures import Headers

from admin_api.problems import problem

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# What a form can send without asking by a preflight, https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}


def guard(app: QuartTrio, *, allowed_hosts: Iterable[str] = ()) -> None:
    """Refuse, before any view of `app` runs: foreign names, foreign pages, and bodies that are too long or too slow."""
    names = {socket.gethostname().lower(), *(name.lower() for name in allowed_hosts)}

    async def check_request() -> Response | None:
        refusal = refuse(request.headers, method=request.method, names=names)
        if refusal is None and ({"Content-Length", "Transfer-Encoding"} & set(request.headers.keys())):
            await request.get_data()  # raises 413 and 408, so that a view acts on whole requests only
        return refusal

    async def check_websocket() -> Response | None:
        return refuse(websocket.headers, method="GET", names=names)

    app.before_request(check_request)
    app.before_websocket(check_websocket)


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


def _is_address(text: str, kind: Any) -> bool:
    try:
        kind(text)
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
