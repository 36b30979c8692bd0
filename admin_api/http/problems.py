"""Errors as problem+json (RFC 9457)."""

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus

import msgspec
from quart import Response, has_request_context, request, websocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

PROBLEM_TYPE = "application/problem+json"

# Headers of werkzeug's body, which the problem replaces.
_REPLACED_HEADERS = {"content-type", "content-length"}


class Problem(msgspec.Struct, frozen=True):
    """An error. Some problems have further members, such as `code` or `candidates`."""

    title: str
    status: int
    detail: str


logger = logging.getLogger("trio_chat.serve.admin")


def problem(status: int, detail: str, *, headers: Iterable[tuple[str, str]] = (), **extra: object) -> Response:
    """Make an error answer; `detail` is a sentence, `extra` are further members."""
    answer = Response(problem_text(status, detail, **extra), status, content_type=PROBLEM_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers.extend(list(headers))
    return answer


def problem_text(status: int, detail: str, **extra: object) -> str:
    """Make the body of an error answer."""
    return json.dumps({"title": HTTPStatus(status).phrase, "status": status, "detail": detail, **extra}) + "\n"


def register_problems(app: QuartTrio) -> None:
    """Let `app` answer every error by a problem: requests that Quart refuses, and endpoints that raise."""
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _failed)


async def _refused(error: HTTPException) -> Response:
    kept = [(name, value) for name, value in error.get_headers() if name.lower() not in _REPLACED_HEADERS]
    return problem(error.code or 500, _detail(error), headers=kept)


def _detail(error: HTTPException) -> str:
    if error.description != type(error).description:
        return error.description or ""  # set by an endpoint
    match error:
        case NotFound():
            return "There is no such endpoint. GET / lists all endpoints."
        case MethodNotAllowed(valid_methods=[*methods]):
            return f"This path allows only {', '.join(sorted(methods))}. GET / lists all endpoints."
    return error.description or ""


async def _failed(error: Exception) -> Response:
    asked = request if has_request_context() else websocket
    logger.error("%s %s failed", asked.method, asked.path, exc_info=error)
    return problem(500, "The request failed. The server's log says why.")
