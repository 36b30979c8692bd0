"""An endpoint: one function, declared with what it takes and answers.

Routes, `GET /`, OpenAPI, `docs/endpoints.md` and the tests of every endpoint are made from the declarations.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import msgspec
from quart import Response, abort, request
from quart_trio import QuartTrio
from werkzeug.datastructures import MultiDict

from admin_api.http.authentication import Audience
from admin_api.http.bodies import read_json
from admin_api.http.problems import problem
from admin_api.http.schemas import Schema, example_of
from trio_chat.chat.text import excerpt

View = Callable[..., Awaitable[Response]]
"""Called with the state of the app, then by keyword: each variable of the path, `query` and `body` where declared."""

T = TypeVar("T", bound=msgspec.Struct)

NAME_LIMIT = 64
"""Characters of an unknown parameter's name that are repeated in an answer."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""In the order in which the endpoints of one path are listed."""

_CONVERTER = re.compile(r"<[a-z]+:")


@dataclass(frozen=True, slots=True)
class Operation:
    """The parameters, body and answers of an endpoint. `refusals` are statuses of problems, beside the guard's own."""

    answers: Mapping[int, type | None]
    """By status, the type of the body; None for text."""
    refusals: tuple[int, ...] = ()
    path: Mapping[str, Schema] = field(default_factory=dict)
    query: type[msgspec.Struct] | None = None
    """Its fields are the parameters of the query."""
    headers: Mapping[str, Schema] = field(default_factory=dict)
    body: type[msgspec.Struct] | None = None
    optional_body: type[msgspec.Struct] | None = None
    """In place of `body`, for one that may be left out; the function gets None then."""
    text_body: Schema | None = None
    """In place of `body`, for a plain text, which the function reads itself."""
    text_type: str = "text/plain"
    """The content type of an answer that is not JSON."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route, its operation and the function behind it."""

    method: str
    rule: str
    """The path as Quart routes it, such as `/bans/<path:network>`."""
    operation: Operation
    audience: Audience
    view: View

    @property
    def path(self) -> str:
        """The path as people read it, such as `/bans/<network>`."""
        return _CONVERTER.sub("<", self.rule)

    @property
    def name(self) -> str:
        """Method and path, such as `DELETE /bans/<network>`."""
        return f"{self.method} {self.path}"

    @property
    def tag(self) -> str:
        """The thing that it is about: the first part of its path."""
        return self.path.split("/")[1] or "index"

    @property
    def description(self) -> str:
        """The function's whole docstring, as one paragraph each."""
        return inspect.cleandoc(self.view.__doc__ or "")

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.view.__doc__ or "").partition("\n")[0]


def endpoint(route: str, operation: Operation, audience: Audience = Audience.OPERATORS) -> Callable[[View], Endpoint]:
    """Make the function below an endpoint. `route` is a method and a path, such as `GET /clients/<who>`.

    Each function has a name of its own, also across modules: Quart knows the routes by these names.
    """
    method, _, rule = route.partition(" ")
    return partial(Endpoint, method, rule, operation, audience)


def endpoints_in(modules: Iterable[ModuleType]) -> tuple[Endpoint, ...]:
    """Collect the endpoints that modules declare, by path and method."""
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Endpoint))
    return tuple(sorted(found, key=lambda one: (one.path, METHODS.index(one.method))))


def add_endpoints(app: QuartTrio, endpoints: Sequence[Endpoint], state: object) -> None:
    """Let `app` answer the endpoints. Each function gets `state` first."""
    for one in endpoints:
        app.add_url_rule(one.rule, one.view.__name__, partial(_answer, one, state), methods=[one.method])


async def _answer(one: Endpoint, state: object, /, **path: str) -> Response:
    arguments: dict[str, Any] = dict(path)
    _check_names(request.args, one.operation.query)
    if one.operation.query:
        arguments["query"] = _read_query(request.args, one.operation.query)
    if one.operation.body:
        arguments["body"] = _read_body(await request.get_data(), one.operation.body)
    if one.operation.optional_body:
        data = await request.get_data()
        arguments["body"] = _read_body(data, one.operation.optional_body) if data else None
    return await one.view(state, **arguments)


def _check_names(given: MultiDict[str, str], kind: type[msgspec.Struct] | None) -> None:
    """Refuse a parameter that the endpoint has not: a mistyped `limit` must not answer everything."""
    known = kind.__struct_encode_fields__ if kind else ()
    if unknown := next((name for name in given if name not in known), None):
        hint = f"known are {', '.join(known)}" if known else "this endpoint has none"
        abort(problem(400, f"There is no query parameter {excerpt(unknown, NAME_LIMIT)}: {hint}."))


def _read_query(given: MultiDict[str, str], kind: type[T]) -> T:
    if repeated := next((name for name, values in given.lists() if len(values) > 1), None):
        abort(problem(400, f"The query parameter {repeated} is given more than once."))
    try:
        return msgspec.convert(given.to_dict(), kind, strict=False)
    except ValueError as error:
        abort(problem(400, f"A parameter of the query is wrong: {error}."))


def _read_body(given: str | bytes, kind: type[T]) -> T:
    try:
        return read_json(given, kind)
    except ValueError as error:  # msgspec's own are ValueErrors, and so is its error for bad UTF-8
        example = msgspec.json.encode(example_of(kind)).decode()
        abort(problem(400, f"The body has to be JSON such as {example}: {error}."))
