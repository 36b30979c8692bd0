"""Every text field of every door, at its longest and in its worst form, beside a ping: nothing holds the loop.

The fields are read from the declarations, so that a new one is tried without anybody remembering it.
"""

import base64
import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from typing import Any
from urllib.parse import quote

import msgspec.inspect as types
import pytest

from admin_api.app import ENDPOINTS
from admin_api.http.endpoint import Endpoint
from admin_api.http.listening import DEFAULT_LIMITS
from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Peer, Server
from tests.protocol.worst_texts import WORST, fill
from trio_chat.chat.commands import COMMANDS
from trio_chat.server.operation import console
from trio_chat.wire import frames
from trio_chat.wire.lines import LINE_LIMIT
from trio_chat.wire.proxy_header import HEADER_LIMIT

ROOM_FOR_THE_REST = 1024
"""Bytes of a frame, header or body beside the text."""

REQUESTS: tuple[type[frames.Request], ...] = frames.AnyRequest.__args__

Frame = dict[str, Any]


class Bystander:
    """Somebody whose ping has to be answered whatever the others send."""

    def __init__(self, server: Server, header: bytes = b"") -> None:
        self._server = server
        self._peer = server.connect()
        self._peer.send(header + _json({"type": "hello", "protocol": 1, "rooms": []}))
        self._keys = count()

    def check(self, what: str) -> None:
        """Fail unless a ping is answered, and nothing has held the loop up to now."""
        key = f"p{next(self._keys)}"
        self._peer.send(_json({"type": "ping", "key": key}))
        while json.loads(self._peer.line()).get("key") != key:
            pass
        assert self._server.holds() == [], what


def _json(frame: Frame) -> bytes:
    return json.dumps(frame, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"


# Frames


def plain(name: str, kind: types.Type) -> object:
    """A value that a field takes."""
    match kind:
        case types.StrType(min_length=least):
            return "lobby" if name == "room" else "x" * (least or 1)
        case types.IntType():
            return 1
        case types.ListType():
            return []
        case types.StructType():
            return {}
    raise AssertionError(f"no value for {name}: {kind}")


def valid(request: type[frames.Request]) -> Frame:
    """A frame with the fields that it must have."""
    fields = types.type_info(request).fields  # type: ignore[attr-defined]
    required = {field.encode_name: plain(field.encode_name, field.type) for field in fields if field.required}
    return {"type": request.__struct_config__.tag, **required}


def worst_values(kind: types.Type, unit: str) -> Iterator[object]:
    """Values of a field with text in it: at the longest that is permitted, and as long as a frame can be."""
    size = frames.FRAME_LIMIT - ROOM_FOR_THE_REST
    match kind:
        case types.UnionType(types=kinds):
            for one in kinds:
                yield from worst_values(one, unit)
        case types.StructType(fields=fields):
            for field in fields:
                yield from ({field.encode_name: value} for value in worst_values(field.type, unit))
        case types.StrType(max_length=most):
            yield fill(unit, size=size)
            if most:
                yield fill(unit, chars=most, size=size)
                yield fill(unit, chars=most + 1, size=size)
        case types.ListType(item_type=item, max_length=most):
            assert most, "a list of texts needs a bound"
            # Different ones, as what is the same may be looked at once.
            chars = getattr(item, "max_length", None) or 64
            yield [f"{fill(unit, chars=chars - 3, size=size // most - 8)}{number}" for number in range(most)]
        case types.DictType(key_type=types.StrType()):
            yield {fill(unit, size=size): 1}
            yield {f"{fill(unit, chars=60, size=200)}{number}": number for number in range(size // 220)}


def worst_frames() -> Iterator[tuple[str, Frame]]:
    """Every field with text of every request, in every form."""
    for form, unit in WORST.items():
        for request in REQUESTS:
            for field in types.type_info(request).fields:  # type: ignore[attr-defined]
                for value in worst_values(field.type, unit):
                    yield (
                        f"{request.__name__}.{field.encode_name}: {form}",
                        valid(request) | {field.encode_name: value},
                    )


def test_every_field_with_text_is_tried() -> None:
    tried = {name.partition(":")[0] for name, _ in worst_frames()}

    assert {"Hello.rooms", "Hello.since", "Nick.nick", "Search.room", "RunCommand.line", "Bye.key"} <= tried
    assert len(tried) >= 30


@pytest.mark.timeout(300)
def test_c19_no_text_in_a_frame_holds_the_loop(start) -> None:
    server = start()
    bystander = Bystander(server)
    keys = count()
    hello = {"type": "hello", "protocol": 1, "rooms": ["lobby"]}

    peer: Peer | None = None
    for what, frame in worst_frames():
        if peer is None or frame["type"] == "hello":
            peer = server.connect()
            lines = peer.socket.makefile("rb")
            if frame["type"] != "hello":
                peer.send(_json(hello))
        key = f"s{next(keys)}"
        peer.send(_json(frame) + _json({"type": "ping", "key": key}))
        is_answered = any(json.loads(line).get("key") == key for line in lines)
        if not is_answered or frame["type"] == "hello":
            lines.close()
            peer.close()
            peer = None
        bystander.check(what)


# Lines


def worst_lines() -> Iterator[tuple[str, bytes]]:
    """Lines of a plain client: every command with each of its arguments at its longest, and speech.

    What stands before them differs from line to line: after a few wrong passwords, a name has to wait.
    """
    numbers = count()
    for place, (form, unit) in enumerate(WORST.items()):
        beginnings = list(beginnings_of_commands(numbers))
        # What is too long is refused by code that all commands share, so each of them is sent one form of that.
        for size, some in ((LINE_LIMIT, beginnings), (64 * 1024, beginnings[place :: len(WORST)])):
            for start in some:
                yield f"{start.split()[0]}: {form}", f"{start}{fill(unit, size=size - len(start))}\n".encode()
            yield f"unknown command: {form}", f"/{fill(unit, size=size - 1)}\n".encode()
            yield f"speech: {form}", f"{fill(unit, size=size)}\n".encode()
    for name, junk in {"options": b"\xff\xfd\x01", "unfinished": b"\xff\xfa", "commands": b"\xff\xf6"}.items():
        yield f"telnet {name}", junk * (64 * 1024 // len(junk))


def beginnings_of_commands(numbers: Iterator[int]) -> Iterator[str]:
    """Every command up to each of its arguments."""
    for command in COMMANDS.values():
        for place in range(len(command.usage.split()) or 1):
            yield " ".join([f"/{command.name}", *[f"x{next(numbers)}"] * place, ""])


def say_all(server: Server, data: bytes) -> None:
    """Connect, say this, and read to the end; the server may hang up before."""
    peer = server.connect()
    with suppress(OSError):
        peer.send(data)
        peer.socket.shutdown(socket.SHUT_WR)
    peer.rest()
    peer.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c19_no_line_holds_the_loop(start) -> None:
    server = start()
    bystander = Bystander(server)

    for what, line in worst_lines():
        say_all(server, b"x\n" + line)
        bystander.check(what)


def test_c19_no_password_holds_the_loop(start, tmp_path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    server = start("--password-file", str(tmp_path / "password"), "--connect-rate", "0")
    asked = [_json({"type": "hello", "protocol": 1, "password": fill(unit, size=60_000)}) for unit in WORST.values()]
    typed = [f"{fill(unit, size=LINE_LIMIT)}\n".encode() for unit in WORST.values()]

    for what in (*asked, *typed):
        say_all(server, what)
        assert server.holds() == [], what[:80]


# PROXY headers


def worst_headers() -> Iterator[tuple[str, bytes]]:
    """Headers of both versions with text where it can be."""
    v2 = b"\r\n\r\n\x00\r\nQUIT\n"
    for form, unit in WORST.items():
        for size in (HEADER_LIMIT - 100, 64 * 1024 - 100):
            text = fill(unit, size=size).encode()
            yield f"zone: {form}", b"PROXY TCP6 fe80::1%" + text + b" ::1 5 6\r\n"
            yield f"unknown: {form}", b"PROXY UNKNOWN " + text + b"\r\n"
            tlvs = b"\x02" + struct.pack("!H", len(text)) + text
            addresses = bytes(8) + struct.pack("!HH", 5, 6)
            yield f"authority: {form}", v2 + b"\x21\x11" + struct.pack("!H", len(addresses + tlvs)) + addresses + tlvs


def test_c19_no_proxy_header_holds_the_loop(start) -> None:
    server = start("--proxy", "127.0.0.1")
    bystander = Bystander(server, b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n")

    for what, header in worst_headers():
        say_all(server, header + b"x\n")
        bystander.check(what)


# The console


def worst_typed() -> Iterator[tuple[str, str]]:
    """Lines of an operator: every command with each argument at its longest, and what is no command."""
    for form, unit in WORST.items():
        for size in (console.LINE_MAX - 40, 64 * 1024 - 40):
            for command in console.COMMANDS.values():
                name, *words = command.usage.split()
                for place in range(len(words) or 1):
                    before = " ".join([name, *("10.0.0.1", "5")[:place]])
                    yield f"{name}: {form}", f"{before} {fill(unit, chars=size, size=size)}"
            yield f"no command: {form}", fill(unit, size=size)


@pytest.mark.timeout(300)
def test_c19_nothing_typed_on_the_console_holds_the_loop(start) -> None:
    server = start()
    bystander = Bystander(server)
    server.console("connected")

    for number, (what, line) in enumerate(worst_typed()):
        server.type(f"{line}\nend-of-{number}")
        server.console(f"^Unknown command: end-of-{number} ")
        bystander.check(what)


# HTTP


def worst_requests() -> Iterator[tuple[str, bytes]]:
    """Every variable of every endpoint, headers that every request may have, and paths of none."""
    room = DEFAULT_LIMITS.header_bytes - ROOM_FOR_THE_REST
    for place, (form, unit) in enumerate(WORST.items()):
        in_url = quote(fill(unit, size=room // 3), safe="")[:room]
        raw = fill(unit, size=room).encode().translate(None, bytes(range(32)))
        for one in ENDPOINTS:
            for what, request in worst_requests_to(one, unit, in_url, raw):
                yield f"{one.name} {what}: {form}", request
        # Unknown parameters are refused by code that all endpoints share, so each of them is sent one form of these.
        for one in ENDPOINTS[place :: len(WORST)]:
            path = re.sub("<.*?>", "x", one.path)
            yield f"{one.name} query: {form}", _request(one.method, f"{path}?{in_url}=1&{'&'.join('abcdefgh' * 500)}")
        yield f"path: {form}", _request("GET", f"/{in_url}")
        for header in (b"Host", b"Origin", b"Content-Type", b"Accept", b"Sec-Fetch-Site"):
            yield f"{header.decode()}: {form}", _request("POST", "/bans", b"%b: %b\r\n" % (header, raw))
        login = base64.b64encode(fill(unit, size=room // 2).encode() + b":x")
        yield f"user: {form}", _request("GET", "/health", b"Authorization: Basic %b\r\n" % login)
        yield f"token: {form}", _request("GET", "/health", b"Authorization: Bearer %b\r\n" % raw)


def worst_requests_to(one: Endpoint, unit: str, in_url: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    operation = one.operation
    plain_path = one.path
    for name in operation.path:
        plain_path = plain_path.replace(f"<{name}>", "x")
        yield name, _request(one.method, one.path.replace(f"<{name}>", in_url))
    for field in types.type_info(operation.query).fields if operation.query else ():  # type: ignore[attr-defined]
        yield field.encode_name, _request(one.method, f"{plain_path}?{field.encode_name}={in_url}")
    for header in operation.headers:
        yield header, _request(one.method, plain_path, f"{header}: ".encode() + raw + b"\r\n")
    for field in types.type_info(operation.body).fields if operation.body else ():  # type: ignore[attr-defined]
        for most in (getattr(field.type, "max_length", None), None):
            text = fill(unit, chars=most, size=DEFAULT_LIMITS.body_bytes - ROOM_FOR_THE_REST)
            body = _json({"network": "192.0.2.1", field.encode_name: text})
            yield field.encode_name, _request(one.method, plain_path, body=body)


def _request(method: str, target: str, headers: bytes = b"", body: bytes = b"") -> bytes:
    if body:
        headers += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    host = b"" if headers.startswith(b"Host:") else b"Host: localhost\r\n"
    return f"{method} {target} HTTP/1.1\r\n".encode() + host + headers + b"\r\n" + body


class Asker:
    """Somebody who asks over one connection, for as long as the server keeps it: making one costs as much as asking."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def ask(self, request: bytes) -> bytes:
        """Make a request. -> the status line of its answer, empty where there is none"""
        if self._connection and (status_line := self._ask(self._connection, request)):
            return status_line
        self.close()  # the server may have closed it before it saw this request
        self._connection = socket.create_connection(("127.0.0.1", self._port), PATIENCE_S)
        return self._ask(self._connection, request)

    def _ask(self, connection: socket.socket, request: bytes) -> bytes:
        try:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                status_line = answer.readline()
                headers = b"".join(iter(answer.readline, b"\r\n")).lower() if status_line else b""
                length = re.search(rb"^content-length: (\d+)", headers, re.MULTILINE)
                if length and b"connection: close" not in headers:
                    answer.read(int(length[1]))
                else:
                    self.close()
                return status_line
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()
        self._connection = None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c19_a2_a7_no_text_in_a_request_holds_the_loop_and_none_is_an_error_of_ours(start) -> None:
    server = start()
    bystander = Bystander(server)

    with closing(Asker(server.admin_port)) as asker:
        for what, request in worst_requests():
            status_line = asker.ask(request)
            assert re.match(rb"HTTP/1.1 ([234]|503)", status_line), (what, status_line)
            bystander.check(what)
