"""The OpenAPI description, made from what each endpoint declares beside its code: `GET /openapi.json`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar, cast

import msgspec
from quart import Response
from quart_trio import QuartTrio
from werkzeug.routing import Rule

from admin_api.http.answers import answer
from admin_api.http.problems import Problem
from trio_chat import __version__

Schema = dict[str, Any]
View = TypeVar("View", bound=Callable[..., object])

GUARDED = (401, 403, 408, 413, 429)
"""How the guard may refuse any request."""

_REF = "#/components/schemas/{name}"
_CONVERTED = re.compile(r"<(?:[a-z]+:)?([a-z]+)>")
_ATTRIBUTE = "_trio_chat_operation"

_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(\.{_BYTE}){{3}}"
_IPV6 = "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}"
_PEER = rf"({_IPV4}:{_PORT}|\[{_IPV6}\]:{_PORT})"

CLIENT: Schema = {
    "type": "string",
    "description": "A port, ADDRESS:PORT (also in brackets, as the chat shows it) or the id of a client.",
    "pattern": rf"^({_PORT}|{_PEER}|{_IPV6}:{_PORT}|\[{_PEER}\]|c[1-9][0-9]{{0,18}})$",
}
NETWORK: Schema = {
    "type": "string",
    "description": "An address or a network, IPv4 or IPv6.",
    "anyOf": [
        {"format": "ipv4"},
        {"format": "ipv6"},
        {"pattern": rf"^{_IPV4}/(3[0-2]|[12]?[0-9])$"},
        {"pattern": rf"^{_IPV6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$"},
    ],
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What an endpoint takes and answers. `refusals` are statuses with a problem, beside those of the guard."""

    answers: Mapping[int, type | None]
    """By status, the type of the body; None for text."""
    refusals: tuple[int, ...] = ()
    path: Mapping[str, Schema] = field(default_factory=dict)
    query: Mapping[str, Schema] = field(default_factory=dict)
    header: Mapping[str, Schema] = field(default_factory=dict)
    body: type | None = None
    text_type: str = "text/plain"
    """What an answer is that is no JSON."""


def describes(operation: Operation) -> Callable[[View], View]:
    """Declare what the endpoint below takes and answers."""

    def decorate(view: View) -> View:
        setattr(view, _ATTRIBUTE, operation)
        return view

    return decorate


def endpoints_of(app: QuartTrio) -> Iterator[tuple[str, str, Callable[..., object]]]:
    """Yield method, path and view of all endpoints."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, _CONVERTED.sub(r"<\1>", rule.rule), _view_of(app, rule)


def summary_of(view: Callable[..., object]) -> str:
    """Return the first line of an endpoint's docstring: what it is for."""
    return (view.__doc__ or "").partition("\n")[0]


def add_openapi(app: QuartTrio, *, has_token: bool) -> None:
    """Give `app` the endpoint about all endpoints. Add it last."""

    @app.get("/openapi.json")
    @describes(Operation({200: dict}))
    async def show_openapi() -> Response:
        """Describe all this for programs, in OpenAPI 3.1."""
        return answer(describe(app, has_token=has_token))


def describe(app: QuartTrio, *, has_token: bool) -> Schema:
    """Make the description."""
    found = [(method, path, view, _operation_of(view)) for method, path, view in endpoints_of(app)]
    types = {kind for *_, one in found for kind in (*one.answers.values(), one.body) if kind} | {Problem}
    ordered = sorted(types, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, Schema] = {}
    for method, path, view, operation in found:
        described = _describe(operation, schema_of) | {"summary": summary_of(view), "operationId": view.__name__}
        paths.setdefault(path.replace("<", "{").replace(">", "}"), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "trio-chat", "version": __version__, "description": "What an operator sees and changes."},
        "paths": paths,
        "components": {"schemas": components} | ({"securitySchemes": _SCHEMES} if has_token else {}),
    } | ({"security": [{name: []} for name in _SCHEMES]} if has_token else {})


_SCHEMES: Schema = {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}}


def _describe(operation: Operation, schema_of: Mapping[type, Schema]) -> Schema:
    answers = {
        status: _body(HTTPStatus(status).phrase, "application/json", schema_of[kind])
        if kind
        else _body(HTTPStatus(status).phrase, operation.text_type, {"type": "string"})
        for status, kind in operation.answers.items()
    }
    refusals = {
        status: _body(HTTPStatus(status).phrase, "application/problem+json", schema_of[Problem])
        for status in sorted({*GUARDED, *operation.refusals})
    }
    described: Schema = {
        "parameters": [
            {"name": name, "in": place, "required": place == "path", "schema": schema}
            for place, declared in (
                ("path", operation.path),
                ("query", operation.query),
                ("header", operation.header),
            )
            for name, schema in declared.items()
        ],
        "responses": {str(status): body for status, body in (answers | refusals).items()},
    }
    if operation.body:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[operation.body]}},
        }
    return described


def _body(description: str, content_type: str, schema: Schema) -> Schema:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _view_of(app: QuartTrio, rule: Rule) -> Callable[..., object]:
    return cast(Callable[..., object], app.view_functions[rule.endpoint])


def _operation_of(view: Callable[..., object]) -> Operation:
    return cast(Operation, getattr(view, _ATTRIBUTE))
