"""The OpenAPI description, and Schemathesis, which compares the API with it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio
from msgspec.inspect import DateTimeType, type_info

from admin_api.app import ENDPOINTS
from admin_api.http.access import Access
from admin_api.http.endpoint import Endpoint

ASK_ALL = "from schemathesis.cli import schemathesis; schemathesis()"
# 413: a body that is too long is refused before it is read.
# 422: what is well-formed and cannot be all the same, such as an end of a ban that is over.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 422]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 503]
"""
# Those whose parameters can be wrong together, or of another list: a filter that fits everybody, a cursor.
MAY_REFUSE = (
    *("/clients", "/rooms", "/rooms/{room}/clients", "/rooms/{room}/entries"),
    *("/hooks", "/hook/{secret}", "/announcements", "/names"),
)


@pytest.mark.slow
@pytest.mark.timeout(300)  # it is the processor that this takes
async def test_schemathesis_finds_no_fault(admin, tmp_path: Path) -> None:
    admin.connect(1)
    exceptions = (
        f'[[operations]]\ninclude-path = "{path}"\n'
        'checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422]\n'
        for path in MAY_REFUSE
    )
    (tmp_path / "schemathesis.toml").write_text("\n".join((CONFIG, *exceptions)))
    url = admin.site.url
    options = ["--seed", "1", "--max-examples", "10", "--generation-database", "none", "--no-color"]
    options += ["--exclude-path", "/events"]  # it never ends, so nobody could wait for its answer; see test_events.py

    done = await trio.run_process(
        [sys.executable, "-c", ASK_ALL, "run", f"{url}/openapi.json", "--url", url, *options],
        cwd=tmp_path,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )

    assert done.returncode == 0, done.stdout.decode()


async def test_it_declares_no_security_without_a_token(admin) -> None:
    described = (await admin.ask("GET", "/openapi.json")).json

    assert described["security"] == []
    assert "securitySchemes" not in described["components"]


async def test_it_has_what_the_rules_of_redocly_and_spectral_ask_for(admin) -> None:
    described = (await admin.ask("GET", "/openapi.json")).json
    operations = [one for path in described["paths"].values() for one in path.values()]
    tags = {tag["name"] for tag in described["tags"]}

    assert described["servers"] == [{"url": "/"}]
    assert described["info"]["license"]
    assert described["info"]["contact"]
    assert all(tag["description"] for tag in described["tags"])
    assert all(one["description"] and one["summary"] and set(one["tags"]) <= tags for one in operations)
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all(any(status[0] == "4" for status in one["responses"]) for one in operations)
    assert "security" in described


async def test_it_declares_the_security_schemes_where_a_token_is_set(open_admin) -> None:
    async with open_admin(Access("correct-horse-battery")) as admin:
        header = "Authorization: Bearer correct-horse-battery\r\n"
        described = (await admin.ask("GET", "/openapi.json", headers=header)).json

    assert described["security"] == [{"bearer": []}, {"basic": []}]
    assert described["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in ENDPOINTS])
def test_every_time_in_an_answer_is_called_a_time(one: Endpoint) -> None:
    """Without this, a client that is generated from the description reads it as a text."""
    for kind in filter(None, one.operation.answers.values()):
        assert all(time.tz for time in times_in(type_info(kind))), kind


def times_in(described: object) -> Iterator[DateTimeType]:
    """The times in a type, however deep."""
    if isinstance(described, DateTimeType):
        yield described
    elif isinstance(described, tuple):
        for one in described:
            yield from times_in(one)
    elif isinstance(described, msgspec.Struct):
        yield from times_in(tuple(getattr(described, name) for name in described.__struct_fields__))
