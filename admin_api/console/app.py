"""The routes of the console: its pages, their static files, and signing in and out."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote, urlsplit

from quart import Quart, Response, g, request
from werkzeug.exceptions import NotFound

from admin_api.console.pages import PAGES, STATIC, ConsolePage, render
from admin_api.http.authentication import Audience, Authentication

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy of every page: nothing from elsewhere, and no script or style inside a page."""

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""The content types of static files, by the end of their names."""

SIGN_IN = "/console/sign-in"


def console_audiences() -> Mapping[str, Audience]:
    """Return the audience of each view of the console: pages redirect strangers to the sign-in themselves."""
    pages = (_view_name(page) for page in PAGES)
    return dict.fromkeys((*pages, "console_sign_in", "console_signing_in", "console_static"), Audience.ANYONE)


def _view_name(page: ConsolePage) -> str:
    return f"console_{page.script}"


@dataclass(frozen=True, slots=True)
class PageMoment:
    """The moment at which a page was made: the id of the newest event then, and the time in seconds since 1970."""

    last_event: str
    time: float

    @property
    def time_written(self) -> str:
        """The time as the API takes it."""
        return datetime.fromtimestamp(self.time, UTC).isoformat()


def add_console(app: Quart, authentication: Authentication, moment: Callable[[], PageMoment]) -> None:
    """Let `app` serve the console. To be called before the guard is added, which refuses strangers at `/`.

    `moment` returns the moment of a page that is made now: the page follows the events from there, and so misses none.
    """
    rules: tuple[tuple[str, str, str, Callable[..., Awaitable[Response]]], ...] = (
        ("GET", SIGN_IN, "console_sign_in", _show_sign_in),
        ("POST", SIGN_IN, "console_signing_in", partial(_sign_in, authentication)),
        ("POST", "/console/sign-out", "console_sign_out", partial(_sign_out, authentication)),
        ("GET", "/console/static/<_digest>/<name>", "console_static", _show_static),
        *(("GET", page.path, _view_name(page), partial(_show_page, authentication, moment, page)) for page in PAGES),
    )
    app.before_request(_redirect_browsers)
    for method, rule, name, view in rules:
        app.add_url_rule(rule, name, view, methods=[method])


async def _redirect_browsers() -> Response | None:
    """Redirect a browser from `/` to the console. Programs are answered by the index of the API."""
    accept = request.accept_mimetypes
    is_browser = accept.quality("text/html") > accept.quality("application/json")
    if request.path != "/" or request.method not in {"GET", "HEAD"} or not is_browser:
        return None
    answer = _redirect("/console/")
    answer.headers["Vary"] = "Accept"
    return answer


async def _show_page(
    authentication: Authentication, moment: Callable[[], PageMoment], page: ConsolePage, *, room: str = ""
) -> Response:
    if refusal := await authentication.refuse(request):
        if refusal.status_code == 401:
            return _redirect(f"{SIGN_IN}?next={quote(_asked_for())}")
        return _html(render("refused.html", detail=(await refusal.get_json(force=True))["detail"]), refusal.status_code)
    session = g.browser_session
    return _html(
        render(
            f"{page.script}.html",
            page=page,
            title=f"#{room.removeprefix('#')}" if room else page.title,
            by=g.by,
            moment=moment(),
            csrf_token=session.csrf_token if session else "",
            is_signed_in=session is not None,
        )
    )


def _asked_for() -> str:
    """Return the path of the request as it was written, with its query."""
    path, query = request.scope["raw_path"].decode("ascii"), request.query_string.decode("ascii", "replace")
    return f"{path}?{query}" if query else path


async def _show_sign_in() -> Response:
    return _sign_in_page(_destination(request.args.get("next", "")))


async def _sign_in(authentication: Authentication) -> Response:
    form = await request.form
    destination = _destination(form.get("next", ""))
    answer = _redirect(destination)
    refusal = await authentication.sign_in(form.get("token", "").strip(), form.get("name", "").strip(), answer)
    if refusal is None:
        return answer
    made = _sign_in_page(destination, refusal.status_code)
    if retry_after := refusal.headers.get("Retry-After"):
        made.headers["Retry-After"] = retry_after
    return made


async def _sign_out(authentication: Authentication) -> Response:
    answer = Response("", 204)
    authentication.sign_out(answer)
    return answer


async def _show_static(_digest: str, name: str) -> Response:
    file = next((one for one in STATIC.iterdir() if one.name == name), None)
    if file is None:
        raise NotFound
    made = Response(file.read_bytes(), content_type=TYPES[name[name.rindex(".") :]])
    made.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return made


def _sign_in_page(destination: str, status: int = 200) -> Response:
    return _html(render("sign_in.html", destination=destination, status=status, sign_in=SIGN_IN), status)


def _redirect(path: str) -> Response:
    return Response("", 303, {"Location": path, "Cache-Control": "no-store"})


def _html(text: str, status: int = 200) -> Response:
    made = Response(text, status, content_type="text/html; charset=utf-8")
    made.headers["Cache-Control"] = "no-store"
    made.headers["Content-Security-Policy"] = POLICY
    made.headers["Referrer-Policy"] = "same-origin"  # not none: a form then sends no origin
    return made


def _destination(asked: str) -> str:
    """Return the page to go to after signing in: one of ours, whatever was asked for."""
    path = urlsplit(asked).path
    is_ours = path in {page.path for page in PAGES} or re.fullmatch("/console/rooms/[^/]+", path)
    return (
        asked if is_ours and asked.startswith("/console/") and asked.isascii() and asked.isprintable() else "/console/"
    )
