"""The client of the admin API: one request a connection, with the standard library's client.

A well-kept library such as httpx takes 0.2 s to import, which is more than a command takes.
"""

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from trio_chat.operate.errors import ExitStatus, OperatorError
from trio_chat.operate.location import ServerLocation

ANSWER_TIMEOUT_S = 60.0
"""Long, since a ban of thousands of clients is answered when the last one is kicked."""

SILENCE_MAX_S = 40.0
"""Timeout of an endless answer: a stream of events has a ping every 15 s."""

Json = dict[str, Any]
Query = Mapping[str, object]

_STATUSES = {
    400: ExitStatus.USAGE,
    401: ExitStatus.NOT_ADMITTED,
    403: ExitStatus.NOT_ADMITTED,
    404: ExitStatus.NOT_FOUND,
    422: ExitStatus.USAGE,
    429: ExitStatus.NOT_ADMITTED,
}


class AdminApi:
    """A client of an admin API. `locate` is called for each request: a restarted server may have another port."""

    def __init__(self, locate: Callable[[], ServerLocation], timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._locate = locate
        self._timeout_s = timeout_s

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at its end."""
        return self._locate().url

    def get(self, path: str, query: Query | None = None) -> Json:
        """GET a path; parameters that are None are left out. -> the JSON object of the answer. Raises OperatorError."""
        return self.call("GET", path, query)

    def call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Make a request. -> the JSON object of the answer. Raises OperatorError."""
        location = self._locate()
        with _open_connection(location, self._timeout_s) as connection:
            response = _send_request(connection, location, method, _target(path, query), body, headers or {})
            return _read_object(location, response)

    @contextmanager
    def lines(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """GET an endless answer. -> its lines, without their endings. Raises OperatorError, also while it is read."""
        location = self._locate()
        with _open_connection(location, SILENCE_MAX_S) as connection:
            response = _send_request(connection, location, "GET", _target(path, query), None, headers or {})
            yield _lines(response)


def path_of(*parts: str) -> str:
    """Make a path of parts that somebody typed, percent-encoded."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _target(path: str, query: Query | None) -> str:
    given = {name: _query_value(value) for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _query_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _open_connection(location: ServerLocation, timeout_s: float) -> Iterator[http.client.HTTPConnection]:
    """Make a connection for a request. Whatever happens to it inside the block is raised as an OperatorError."""
    try:
        with closing(_make_connection(location, timeout_s)) as connection:
            yield connection
    except ssl.SSLCertVerificationError as error:
        raise OperatorError(
            ExitStatus.NOT_REACHED,
            f"the certificate of {location.url} cannot be trusted: {error.verify_message}; give the authority that has "
            "signed it with --admin-ca FILE",
        ) from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # UnicodeError: an impossible host name
        raise OperatorError(
            ExitStatus.NOT_REACHED, f"no answer from {location.url}: {_reason_of(error, location)}"
        ) from error


def _make_connection(location: ServerLocation, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(location.url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    context = ssl.create_default_context(cafile=location.ca_file)
    if not location.is_verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)


def _reason_of(error: Exception, location: ServerLocation) -> str:
    is_encrypted = location.url.startswith("https:")
    if isinstance(error, ssl.SSLError) and is_encrypted:
        return "it speaks no TLS that we know; does it begin with http:// instead?"
    if isinstance(error, http.client.HTTPException | ConnectionResetError) and not is_encrypted:
        return "it closed the connection without an answer; does it begin with https:// instead?"
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{why}; {location.hint}"


def _send_request(
    connection: http.client.HTTPConnection,
    location: ServerLocation,
    method: str,
    target: str,
    body: Json | None,
    headers: Mapping[str, str],
) -> http.client.HTTPResponse:
    """Send a request. -> the answer, whose status is 2xx. Raises OperatorError for any other."""
    sent = {**headers, **_authorization(location)}
    if body is not None:
        sent["Content-Type"] = "application/json"
    written = None if body is None else json.dumps(body).encode()
    connection.request(method, urlsplit(location.url).path + target, body=written, headers=sent)
    response = connection.getresponse()
    if not 200 <= response.status < 300:
        raise _refusal(location, response)
    return response


def _authorization(location: ServerLocation) -> dict[str, str]:
    if not (location.token or location.name):
        return {}
    name = location.name.replace(":", "")  # which separates it from the token, RFC 7617
    return {"Authorization": "Basic " + b64encode(f"{name}:{location.token}".encode()).decode()}


def _read_object(location: ServerLocation, response: http.client.HTTPResponse) -> Json:
    try:
        read = json.loads(response.read())
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise _not_an_admin_api(location, response)
    return read


def _refusal(location: ServerLocation, response: http.client.HTTPResponse) -> OperatorError:
    problem = _read_object(location, response)
    detail = problem.get("detail")
    if not isinstance(detail, str):
        return _not_an_admin_api(location, response)
    status = _STATUSES.get(response.status, ExitStatus.FAILED)
    if response.status == 401:
        return OperatorError(status, _token_advice(location))
    return RefusedError(status, detail, problem)


class RefusedError(OperatorError):
    """The server refused a request. `problem` is its answer (RFC 9457)."""

    def __init__(self, status: ExitStatus, detail: str, problem: Json) -> None:
        super().__init__(status, _as_message(detail))
        self.problem = problem


def _as_message(sentence: str) -> str:
    """Return a sentence in the style of command-line messages: a small first letter, and no full stop."""
    if sentence[1:2].islower() or sentence[1:2] == " ":
        sentence = sentence[:1].lower() + sentence[1:]
    return sentence.removesuffix(".")


def _token_advice(location: ServerLocation) -> str:
    what = "this is not the token of" if location.token else "a token is needed by"
    return f"{what} {location.url}: give it with --admin-token-file FILE, or in TRIO_CHAT_ADMIN_TOKEN"


def _not_an_admin_api(location: ServerLocation, response: http.client.HTTPResponse) -> OperatorError:
    return OperatorError(
        ExitStatus.NOT_REACHED,
        f"{location.url} is no admin API of trio-chat: it answered {response.status} {response.reason}; "
        f"{location.hint}",
    )


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while line := response.readline(1024 * 1024):
        yield line.rstrip(b"\r\n")
