"""Errors are problem+json, whoever finds them."""

import json

import pytest
from quart_trio import QuartTrio

from admin_api.http.problems import problem


def split(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status_line.split(" ")[1]), headers, body


def request_for(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/%ff%fe%00", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("PUT", "/acts", 405),
        ("BREW", "/acts", 405),
        ("GET", "/broken", 500),
    ],
)
async def test_every_error_is_problem_json(site, method, path, status):
    answered, headers, body = split(await site.ask(request_for(method, path)))

    assert answered == status
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["status"] == status
    assert json.loads(body)["detail"] != ""


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
async def test_a_head_request_gets_the_problems_header_alone(site, path, status):
    answered, headers, body = split(await site.ask(request_for("HEAD", path)))

    assert answered == status
    assert headers["content-type"] == "application/problem+json"
    assert body == b""


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/acts")])
async def test_an_unknown_path_is_answered_by_where_to_look(site, method, path):
    _, _, body = split(await site.ask(request_for(method, path)))

    assert json.loads(body)["detail"].endswith("GET / lists all endpoints.")


async def test_a_405_names_the_allowed_methods(site):
    _, headers, _ = split(await site.ask(request_for("PUT", "/acts")))

    assert set(headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST", "DELETE"}


async def test_a_view_that_raises_is_logged_once_and_leaks_nothing(site, caplog):
    answer = await site.ask(request_for("GET", "/broken"))

    assert b"secret" not in answer
    assert b"Traceback" not in answer
    (record,) = caplog.records
    assert (record.name, record.message) == ("trio_chat.serve.admin", "GET /broken failed")
    assert "a secret" in str(record.exc_info)


async def test_no_software_is_named(site):
    answer = await site.ask(request_for("GET", "/nowhere"))

    assert b"server:" not in answer.lower()
    assert b"hypercorn" not in answer


async def test_a_problem_has_members_of_its_own():
    async with QuartTrio("x").app_context():
        answer = problem(409, "Two clients have port 5.", candidates=["127.0.0.1:5", "[::1]:5"])

        assert json.loads(await answer.get_data()) == {
            "title": "Conflict",
            "status": 409,
            "detail": "Two clients have port 5.",
            "candidates": ["127.0.0.1:5", "[::1]:5"],
        }
