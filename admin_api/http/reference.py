"""The reference of endpoints in Markdown, made from their declarations: `make docs` writes docs/endpoints.md."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from admin_api.http.endpoint import Endpoint
from admin_api.http.schemas import example_of

_HEAD = """# The endpoints of the admin API

Made from the code by `make docs`. [admin.md](admin.md) says who may use them and what they do.

| endpoint | effect |
|---|---|
"""


def reference(endpoints: Sequence[Endpoint]) -> str:
    """Make the page: a table of all endpoints, then an example, the parameters and the statuses of each."""
    rows = "".join(f"| `{one.name}` | {one.summary} |\n" for one in endpoints)
    return _HEAD + rows + "".join(_section(one) for one in endpoints)


def example(one: Endpoint) -> str:
    """Make a command that calls an endpoint."""
    operation = one.operation
    path = one.path
    for name, schema in operation.path.items():
        path = path.replace(f"<{name}>", str(schema["examples"][0]))
    query = urlencode(example_of(operation.query)) if operation.query else ""
    body = f"--json '{msgspec.json.encode(example_of(operation.body)).decode()}' " if operation.body else ""
    if operation.text_body:
        body = f"-d '{operation.text_body['examples'][0]}' "
    method = f"-X {one.method} " if one.method != ("POST" if body else "GET") else ""
    return f"curl {method}{body}'localhost:8080{path}{'?' * bool(query)}{query}'"


def _section(one: Endpoint) -> str:
    operation = one.operation
    lines = [f"## {one.name}", "", one.summary, "", f"    {example(one)}", ""]
    for place, names in (
        ("Path", operation.path),
        ("Query", operation.query.__struct_fields__ if operation.query else ()),
        ("Headers", operation.headers),
        ("Body", operation.body.__struct_fields__ if operation.body else ()),
        ("Body, which may be left out", operation.optional_body.__struct_fields__ if operation.optional_body else ()),
    ):
        if names:
            lines.append(f"- {place}: {', '.join(f'`{name}`' for name in names)}")
    statuses = (*operation.answers, *operation.refusals)
    told = dict.fromkeys(f"{status} {HTTPStatus(status).phrase}" for status in statuses)
    lines.append(f"- Answers: {', '.join(told)}")
    return "\n" + "\n".join(lines) + "\n"
