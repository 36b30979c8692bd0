"""The table of endpoints: each is declared as a whole, and described, documented and guarded as it is declared."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FunctionType

import pytest

from admin_api import endpoints
from admin_api.app import ENDPOINTS
from admin_api.http.access import Access
from admin_api.http.authentication import Audience
from admin_api.http.endpoint import Endpoint
from admin_api.http.reference import reference
from tests.literals import literal_arguments

DOCS = Path(__file__).parents[2] / "docs"

every_endpoint = pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in ENDPOINTS])


def called(one: Endpoint) -> tuple[str, str]:
    """The method of an endpoint and its path, with the examples of its variables."""
    path = one.path
    for name, schema in one.operation.path.items():
        path = path.replace(f"<{name}>", str(schema["examples"][0]))
    return one.method, path


def test_no_public_function_of_an_endpoint_module_is_without_a_declaration() -> None:
    modules = [import_module(f"{endpoints.__name__}.{it.name}") for it in iter_modules(endpoints.__path__)]

    forgotten = [
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    ]

    assert forgotten == [], "declare each by @endpoint, or begin its name with _"


@every_endpoint
def test_it_has_a_summary_of_one_sentence(one: Endpoint) -> None:
    assert one.summary.endswith(".")
    assert one.summary[0].isupper()


@every_endpoint
def test_its_function_takes_what_is_declared(one: Endpoint) -> None:
    variables = set(re.findall("<([a-z]+)>", one.path))
    operation = one.operation
    has = {"query": operation.query, "body": operation.body or operation.optional_body}
    expected = variables | {name for name, kind in has.items() if kind}

    assert variables == set(one.operation.path)
    assert set(list(inspect.signature(one.view).parameters)[1:]) == expected


@every_endpoint
def test_the_variables_of_its_path_and_its_body_have_examples(one: Endpoint) -> None:
    assert [name for name, schema in one.operation.path.items() if not schema.get("examples")] == []
    assert one.operation.body is None or "--json '{\"" in reference([one])


@every_endpoint
def test_a_test_calls_it(one: Endpoint) -> None:
    path = re.compile(re.sub("<[a-z]+>", "[^/?]+", re.escape(one.path)) + r"(\?.*)?")
    calls = (arguments for arguments in literal_arguments("admin_api") if len(arguments) > 1)

    assert any(method == one.method and path.fullmatch(target) for method, target, *_ in calls), (
        f'write a test of it below tests/admin_api/endpoints/: await admin.ask("{one.method}", "{one.path}")'
    )


async def test_the_index_lists_each_with_its_summary(admin) -> None:
    answer = await admin.ask("GET", "/")

    assert list(answer.json["endpoints"].items()) == [(one.name, one.summary) for one in ENDPOINTS]


async def test_openapi_describes_each_with_its_summary(admin) -> None:
    paths = (await admin.ask("GET", "/openapi.json")).json["paths"]

    described = {
        f"{method.upper()} {path.replace('{', '<').replace('}', '>')}": operation["summary"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert described == {one.name: one.summary for one in ENDPOINTS}


def test_the_docs_are_made_from_the_declarations() -> None:
    is_equal = (DOCS / "endpoints.md").read_text(encoding="utf-8") == reference(ENDPOINTS)

    assert is_equal, "`make docs` writes it anew"


@pytest.mark.parametrize(
    "one", [pytest.param(one, id=one.name) for one in ENDPOINTS if one.audience is Audience.OPERATORS]
)
async def test_it_wants_the_token_that_is_set(open_admin, one: Endpoint) -> None:
    method, path = called(one)
    async with open_admin(Access("correct-horse-battery")) as admin:
        client = admin.connect(47634)

        answer = await admin.ask(method, path)

        assert answer.status == 401
        assert answer.json["detail"].startswith("A token is needed")
        assert client in admin.chat.clients


def test_only_hooks_ask_for_no_token() -> None:
    assert [one.name for one in ENDPOINTS if one.audience is not Audience.OPERATORS] == ["POST /hook/<secret>"]


@pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.name)
async def test_a12_an_unknown_query_parameter_is_refused_by_its_name(admin, one) -> None:
    path = re.sub("<[^>]*>", "1", one.path)

    answer = await admin.ask(one.method, f"{path}?limitt=1")

    assert answer.status == 400
    assert "limitt" in answer.json["detail"]


@pytest.mark.parametrize("part", ["[", '{"x":'])
@pytest.mark.parametrize(
    "one", [pytest.param(it, id=it.name) for it in ENDPOINTS if it.operation.body or it.operation.optional_body]
)
async def test_a_body_nested_too_deeply_is_400(admin, one: Endpoint, part: str) -> None:
    method, path = called(one)
    admin.connect(47634)
    for field in ("x", *(one.operation.body or one.operation.optional_body).__struct_encode_fields__):
        answer = await admin.ask(method, path, json=f'{{"{field}":{part * 9000}')
        assert answer.status in {400, 404, 409}, answer.text
