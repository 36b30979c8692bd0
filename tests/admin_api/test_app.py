"""Behaviour that all endpoints share."""

import pytest


@pytest.mark.parametrize("path", ["/", "/clients", "/clients/47634", "/health", "/nowhere", "/clients/1"])
async def test_every_body_ends_its_line_so_that_no_prompt_is_glued_to_it(admin, path):
    admin.connect(47634)

    answer = await admin.ask("GET", path)

    assert answer.text.endswith("}\n")


@pytest.mark.parametrize("path", ["/", "/clients", "/clients/47634", "/health"])
async def test_head_is_get_without_the_body(admin, path):
    admin.connect(47634)

    answer = await admin.ask("HEAD", path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == ""


async def test_options_names_the_methods(admin):
    answer = await admin.ask("OPTIONS", "/clients/47634")

    assert answer.status == 204
    assert "content-type" not in answer.headers
    assert set(answer.headers["allow"].split(", ")) == {"get", "head", "delete", "options"}
    assert answer.text == ""


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/events"), ("POST", "/clients/47634"), ("PUT", "/health")])
async def test_a_method_that_is_not_there_is_405_and_does_nothing(admin, method, path):
    admin.connect(47634)

    answer = await admin.ask(method, path)

    assert answer.status == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "get" in answer.headers["allow"]
    assert len(admin.chat.clients) == 1


@pytest.mark.parametrize("path", ["/clients/", "/clients/47634/", "/health/"])
async def test_a_slash_at_the_end_makes_no_difference(admin, path):
    admin.connect(47634)

    answer = await admin.ask("GET", path)

    assert answer.json.keys() == (await admin.ask("GET", path.rstrip("/"))).json.keys()
    assert answer.status == 200


@pytest.mark.parametrize("header", ["Host: chat.evil.example", "Host: localhost\r\nOrigin: http://evil.example"])
async def test_a_web_page_of_another_origin_ends_no_connection(admin, header):
    admin.connect(47634)

    answer = await admin.site.ask(f"DELETE /clients/47634 HTTP/1.0\r\n{header}\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert len(admin.chat.clients) == 1
