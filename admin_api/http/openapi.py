"""The OpenAPI description, made from the declarations of the endpoints."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import msgspec

from admin_api.http.authentication import Audience
from admin_api.http.endpoint import Endpoint, Operation
from admin_api.http.problems import PROBLEM_TYPE, Problem
from admin_api.http.schemas import Schema, fields_of
from trio_chat import __version__

GUARDED = (400, 401, 403, 408, 413, 429)
"""The statuses by which any request may be refused, whatever its endpoint."""

_INFO: Schema = {
    "title": "trio-chat",
    "version": __version__,
    "description": "The operator's side of a chat server.",
    "contact": {"name": "the operator of this server"},
    "license": {"name": "MIT", "identifier": "MIT"},
}

_SCHEMES: Schema = {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}}


def describe(endpoints: Sequence[Endpoint], *, has_token: bool) -> Schema:
    """Make the description. `has_token`: requests need one."""
    schema_of, components = _schemas(endpoints)
    paths: dict[str, Schema] = {}
    for one in endpoints:
        described = _operation(one.operation, schema_of) | _words(one)
        if one.audience is not Audience.OPERATORS:
            described["security"] = []
        paths.setdefault(one.path.replace("<", "{").replace(">", "}"), {})[one.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "tags": _tags(endpoints),
        "paths": paths,
        "components": {"schemas": components} | ({"securitySchemes": _SCHEMES} if has_token else {}),
        "security": [{name: []} for name in _SCHEMES] if has_token else [],
    }


def _words(one: Endpoint) -> Schema:
    return {
        "summary": one.summary,
        "description": one.description,
        "operationId": one.view.__name__,
        "tags": [one.tag],
    }


def _tags(endpoints: Iterable[Endpoint]) -> list[Schema]:
    """Describe each tag by the first line of its module, which names the thing that its endpoints are about."""
    modules = {one.tag: sys.modules[one.view.__module__] for one in endpoints}
    return [
        {"name": tag, "description": (module.__doc__ or "").partition("\n")[0]}
        for tag, module in sorted(modules.items())
    ]


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[Mapping[type, Schema], Schema]:
    """Return the schema of each type, and the components to which they refer."""
    operations = [one.operation for one in endpoints]
    types = {kind for one in operations for kind in (*one.answers.values(), one.body, one.optional_body) if kind} | {
        Problem
    }
    ordered = sorted(types, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    return dict(zip(ordered, schemas, strict=True)), components


def _operation(operation: Operation, schema_of: Mapping[type, Schema]) -> Schema:
    described: Schema = {"parameters": list(_parameters(operation)), "responses": _responses(operation, schema_of)}
    if body := operation.body or operation.optional_body:
        content = {"application/json": {"schema": schema_of[body]}}
        described["requestBody"] = {"required": body is operation.body, "content": content}
    elif operation.text_body:
        whole: Schema = {"type": "object", "properties": {"text": operation.text_body}, "required": ["text"]}
        content = {"text/plain": {"schema": operation.text_body}, "application/json": {"schema": whole}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(operation: Operation) -> Iterable[Schema]:
    query = fields_of(operation.query) if operation.query else {}
    for place, declared in (("path", operation.path), ("query", query), ("header", operation.headers)):
        for name, schema in declared.items():
            yield {"name": name, "in": place, "required": place == "path", "schema": schema}


def _responses(operation: Operation, schema_of: Mapping[type, Schema]) -> Schema:
    text = (operation.text_type, {"type": "string"})
    bodies = {
        status: ("application/json", schema_of[kind]) if kind else text for status, kind in operation.answers.items()
    }
    problems = dict.fromkeys(sorted({*GUARDED, *operation.refusals}), (PROBLEM_TYPE, schema_of[Problem]))
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": {content_type: {"schema": schema}}}
        for status, (content_type, schema) in (bodies | problems).items()
    }
