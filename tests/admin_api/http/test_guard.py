"""FAULTS A4 and A5: what a web page may not do, by whatever name it calls us."""

import socket
from string import ascii_lowercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from admin_api.http.guard import is_host_allowed, is_same_origin

NAMES = {"chat.example.org", "box.lan"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "192.168.1.7:8080",
        "[::1]:8080",
        "[2001:db8::1]",
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "nas:8080",
        "chat.example.org",
        "Chat.Example.ORG.:443",
        "box.lan:8080",
    ],
)
def test_a5_a_name_that_no_foreign_dns_can_point_at_us_is_allowed(host):
    assert is_host_allowed([host], names=NAMES)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["."],
        [":8080"],
        ["localhost", "localhost"],
        ["evil.example"],
        ["evil.example:8080"],
        ["localhost.evil.example"],
        ["127.0.0.1.evil.example"],
        ["sub.chat.example.org"],
        ["localhost@evil.example"],
        ["evil@localhost"],
        ["a:b@127.0.0.1:8080"],
        ["localhost, localhost"],
        ["localhost/"],
        ["localhost:"],
        ["localhost:\uff18\uff10"],
        ["localhost\n"],
        ["\uff11\uff12\uff17.0.0.1"],
        ["127.1.1"],
        ["0127.0.0.1"],
        ["[::1"],
        ["[1.2.3.4]"],
        ["[::1%25eth0]"],
        ["[evil.example]"],
    ],
)
def test_a5_any_other_host_and_none_and_two_are_refused(hosts):
    assert not is_host_allowed(hosts, names=NAMES)


LABEL = st.text(ascii_lowercase + digits + "-", min_size=1, max_size=20)
TOP_LEVEL = st.text(ascii_lowercase, min_size=2, max_size=10)
PORT = st.integers(0, 99_999)


@given(st.lists(LABEL, min_size=2, max_size=5), TOP_LEVEL, st.none() | PORT)
def test_a5_no_name_of_the_public_dns_is_allowed(labels, top_level, port):
    host = ".".join((*labels, top_level)) + ("" if port is None else f":{port}")

    assert not is_host_allowed([host], names=frozenset())


HERE = {"Host": "localhost:8080"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://LOCALHOST:8080", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost:8080"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a4_a_command_line_and_our_own_page_may_ask(headers, method):
    assert is_same_origin(Headers(HERE | headers), method=method)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:8080.evil.example"},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a4_a_page_of_another_origin_may_not(headers, method):
    assert not is_same_origin(Headers(HERE | headers), method=method)


def test_one_foreign_origin_among_two_is_foreign():
    headers = Headers([("Host", "a"), ("Origin", "http://a"), ("Origin", "http://evil.example")])

    assert not is_same_origin(headers, method="GET")


def test_a_link_on_another_page_opens_ours_but_a_form_there_does_not():
    link = Headers(HERE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})

    assert is_same_origin(link, method="GET")
    assert not is_same_origin(link, method="POST")


@pytest.mark.parametrize(
    "headers",
    [
        "Host: localhost\r\nOrigin: http://evil.example",
        "Host: localhost\r\nOrigin: null",
        "Host: localhost\r\nSec-Fetch-Site: cross-site",
        "Host: localhost\r\nX-HTTP-Method-Override: DELETE",
        "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded",
        "Host: localhost\r\nContent-Type: text/plain; charset=utf-8",
        "Host: evil.example",
        "Host: me@localhost",
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a4_a_refused_request_has_no_effect(site, method, headers):
    answer = await site.ask(f"{method} /acts HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 403")
    assert b"application/problem+json" in answer
    assert site.acts == []


@pytest.mark.parametrize("rest", [b"", b"Content-Length: 9999999\r\n"])
async def test_a_refused_connection_is_answered_once_and_its_other_input_dropped(site, rest):
    answer = await site.ask(b"POST /acts HTTP/1.1\r\nHost: evil.example\r\n%b\r\n" % rest * 500)

    assert answer.startswith(b"HTTP/1.1 403")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert not answer.endswith(b"<reset>")
    assert site.acts == []


async def test_a_request_of_http_1_0_without_a_host_is_refused(site):
    answer = await site.ask(b"DELETE /acts HTTP/1.0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403")
    assert site.acts == []


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 204)])
async def test_a_health_check_without_a_host_is_answered(admin, method: str, status: int) -> None:
    answer = await admin.site.ask(f"{method} /health HTTP/1.0\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 %d " % status)


async def test_a_preflight_of_another_origin_is_refused(site):
    answer = await site.ask(
        b"OPTIONS /acts HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
        b"Access-Control-Request-Method: DELETE\r\nConnection: close\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 403")
    assert b"access-control" not in answer.lower()


async def test_a_websocket_of_another_origin_is_refused(site):
    answer = await site.ask(
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bKdPyn3u98cTfZJSh4TNeQ==\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("host", ["localhost:8080", "chat.example.org", socket.gethostname()])
async def test_a4_curl_works_as_typed(site, host):
    answer = await site.ask(
        b"DELETE /acts HTTP/1.1\r\nHost: %b\r\nUser-Agent: curl/8\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        % host.encode()
    )

    assert answer.startswith(b"HTTP/1.1 200")
    assert site.acts == ["DELETE"]
