"""Workarounds for defects of hypercorn 0.18 and quart-trio 0.12; a test pins these versions.

hypercorn's HTTP (`H11Protocol` and the streams above it) is used as it is. Its connection (`hypercorn.trio.tcp_server`)
is replaced by `Connection`, since most defects are there. All are in this file, so that it can go as a whole:

1. A websocket upgrade with bytes behind it raises LocalProtocolError out of `serve` and cancels the nursery around it
   (hypercorn issue 225), and half a handshake keeps its connection forever: `Http11` refuses both, `_send_h11_event`
   ends the connection where an answer cannot be sent, and `serving` catches anything else that is raised.
2. quart-trio cancels the request on the `http.disconnect` that follows the last chunk, while hypercorn is
   closing, so that idle and `Connection: close` connections stay open: here nothing awaits after the last chunk.
3. Sends are shielded, so a client that never reads makes shutdown hang: here they are not, and a send that was cut off
   ends the connection.
4. The socket is closed while the peer still sends, whereupon the kernel resets it and the peer may never read its 413:
   here the connection is drained for `linger_s`.
5. End of input cancels the request, so `printf ... | nc` with a half-closed socket gets no answer: here it gets one.
6. HTTP/2 cannot be switched off (`PRI *`, `Upgrade: h2c`): `_check_protocol` stays with HTTP/1.1.
7. A target that is not a path makes Quart raise, and Content-Length beside Transfer-Encoding is accepted, although a
   proxy in front may have used the other one: `_refusal_of` refuses both.
8. A client of another protocol waits until the timeout, since a header ends in an empty line: here a first line that
   is not of a request is refused at once.
9. Requests that are refused before they reach the app are answered without a body: here by a problem.
10. Status lines lack the reason phrase, and `delete` is taken for DELETE: here they have it, and it is refused.
11. h11 takes a lone LF for the end of a line, and a line that begins with a blank for more of the one before it
   (RFC 9112, 2.2 and 5.2). A proxy in front may read these otherwise: `_StrictBuffer` refuses both.
12. Where the peer is gone just as an answer begins, hypercorn answers 500 behind that: here nobody is warned of it.
"""

import logging
import math
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import h11
import trio
from h11._receivebuffer import ReceiveBuffer
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import Handshake, WSStream
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, H11SendableEvent, LifespanState
from hypercorn.utils import parse_socket_addr

from admin_api.http.encryption import TlsStream
from admin_api.http.endpoint import METHODS
from admin_api.http.listening import MAKE_WAY, HttpLimits
from admin_api.http.problems import PROBLEM_TYPE, problem_text

MAX_RECV_BYTES = 65536

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Added to every answer without such headers of its own: a browser must not guess a type, run or frame anything."""

logger = logging.getLogger("trio_chat.serve.admin")


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """An error answer to a request that does not reach the app."""

    status: int
    detail: str


NO_REQUEST = HttpRefusal(400, "This is not an HTTP request. The chat has another port.")
MALFORMED = HttpRefusal(400, "This is not a well-formed HTTP/1.1 request with one Host header.")
NO_PATH = HttpRefusal(400, "The target of a request has to be a path.")
TWO_LENGTHS = HttpRefusal(400, "A request may have Content-Length or Transfer-Encoding, not both.")
HALF_A_HANDSHAKE = HttpRefusal(400, "This is not a complete websocket handshake.")
TOO_EARLY = HttpRefusal(400, "Nothing may be sent before a websocket handshake is answered.")
OTHER_ENCODING = HttpRefusal(501, "The only supported transfer encoding is chunked.")
SMALL_LETTERS = HttpRefusal(405, "Methods are written in capitals, such as GET and DELETE.")
OTHER_VERSION = HttpRefusal(505, "Only HTTP/1.0 and HTTP/1.1 are supported.")

ALLOWED = ", ".join((*METHODS, "HEAD", "OPTIONS")).encode()
"""The methods of all paths, as the header `Allow` has them."""


class _StrictBuffer(ReceiveBuffer):
    """h11's buffer, restricted to CR LF as the end of a header line (11)."""

    _not_crlf = re.compile(rb"(?<!\r)\n|\n[ \t]")

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Extract the lines of a complete header. Raises h11.LocalProtocolError, which h11 answers by 400."""
        searched = max(0, self._multiple_lines_search - 2)
        end = self._data.find(b"\r\n\r\n", searched)
        if self._not_crlf.search(self._data, searched, len(self._data) if end < 0 else end + 4):
            raise h11.LocalProtocolError("a header line has to end in CR LF")
        return super().maybe_extract_lines()


class Http11(H11Protocol):
    """hypercorn's HTTP/1.1, which never changes to HTTP/2 and never raises because of a peer."""

    _method = b""
    _is_cut_off = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        cast(h11.Connection, self.connection)._receive_buffer = _StrictBuffer()

    @property
    def is_receiving_body(self) -> bool:
        """True if a request has begun and its body is incomplete."""
        return isinstance(self.connection, h11.Connection) and self.connection.their_state is h11.SEND_BODY

    async def handle(self, event: Event) -> None:
        """Handle an event of the connection."""
        if not isinstance(event, RawData):
            await super().handle(event)
        elif self._is_not_http(event.data):
            await self._refuse(NO_REQUEST)
        elif event.data and isinstance(self.stream, WSStream) and not self.stream.handshake.accepted:
            await self._handle_early_data()
        else:
            await super().handle(event)

    def _is_not_http(self, data: bytes) -> bool:
        """Tell whether the first line is complete and not the first line of a request (8)."""
        if self.connection.their_state is not h11.IDLE or self.connection.trailing_data[0]:
            return False
        line, newline, _ = data.partition(b"\n")
        return bool(newline) and not line.rpartition(b" ")[2].startswith(b"HTTP/")

    async def _handle_early_data(self) -> None:
        """Refuse data that comes before a handshake is answered; discard it if a refusal is being sent (1)."""
        connection = self.connection
        if isinstance(connection, H11WSConnection) and connection.h11_connection.our_state is h11.SEND_RESPONSE:
            await self._close_stream()  # without the app's answer
            await self._refuse(TOO_EARLY)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Never change to HTTP/2: one protocol is enough to defend (6)."""

    async def _create_stream(self, request: h11.Request) -> None:
        self._method = request.method
        refusal = _refusal_of(request, is_followed=bool(self.connection.trailing_data[0]))
        if refusal is None:
            await super()._create_stream(request)
        else:
            await self._refuse(refusal)

    async def _refuse(self, refusal: HttpRefusal) -> None:
        await self._answer(refusal)
        await self.send(Closed())

    async def _send_error_response(self, status_code: int) -> None:
        """Refuse a request that h11 rejects."""
        await self._answer(self._refusal_by_h11(status_code))

    def _refusal_by_h11(self, status: int) -> HttpRefusal:
        limit = self.config.h11_max_incomplete_size
        match status:
            case 431 if b"\n" not in self.connection.trailing_data[0]:  # within the request line
                return HttpRefusal(400, f"A request line may have at most {limit} bytes.")
            case 431:
                return HttpRefusal(431, f"The header of a request may have at most {limit} bytes.")
            case 501:
                return OTHER_ENCODING
        return MALFORMED

    async def _answer(self, refusal: HttpRefusal) -> None:
        """Answer by a problem, as the app does (9)."""
        is_head = self._method == b"HEAD" and self.connection.our_state is h11.SEND_RESPONSE
        body = problem_text(refusal.status, refusal.detail).encode()
        headers = [
            (b"content-type", PROBLEM_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        if refusal.status == 405:  # RFC 9110, 15.5.6
            headers.append((b"allow", ALLOWED))
        await self._send_h11_event(h11.Response(status_code=refusal.status, headers=headers))
        if not is_head:
            await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        if isinstance(event, h11.Response | h11.InformationalResponse):
            event = _completed(event)
        try:
            await super()._send_h11_event(event)
        except h11.LocalProtocolError as error:  # (1), and an answer that does not match its own Content-Length
            if not self._is_cut_off:
                logger.warning("An HTTP connection was ended: %s", error)
            await self.send(Closed())
        except trio.Cancelled:  # the peer is gone: hypercorn begins another answer, which cannot be sent either (12)
            self._is_cut_off = True
            raise


def _completed(event: h11.Response | h11.InformationalResponse) -> h11.Response | h11.InformationalResponse:
    """Add the reason phrase (10) and, to an answer, missing security headers."""
    headers = list(event.headers)
    if isinstance(event, h11.Response):
        names = {name for name, _ in headers}
        headers += [(name, value) for name, value in SECURITY_HEADERS if name not in names]
    reason = HTTPStatus(event.status_code).phrase.encode()
    return type(event)(status_code=event.status_code, headers=headers, reason=reason)


def _refusal_of(request: h11.Request, *, is_followed: bool) -> HttpRefusal | None:
    """Return the refusal of a request that h11 accepts and we do not (1, 7). `is_followed`: bytes follow it."""
    headers = dict(request.headers)
    if request.http_version not in {b"1.0", b"1.1"}:
        return OTHER_VERSION
    if request.method != request.method.upper():
        return SMALL_LETTERS
    if not request.target.startswith(b"/"):
        return NO_PATH
    if {b"content-length", b"transfer-encoding"} <= headers.keys():
        return TWO_LENGTHS
    if headers.get(b"upgrade", b"").lower() != b"websocket":
        return None
    if not Handshake(list(request.headers), request.http_version.decode()).is_valid():
        return HALF_A_HANDSHAKE
    return TOO_EARLY if is_followed else None


@dataclass(frozen=True, slots=True)
class HttpContext:
    """The app, the configuration and the limits, which all connections share."""

    app: AppWrapper
    config: Config
    limits: HttpLimits


class Connection:
    """An HTTP connection, from the accepted stream to its end. The caller closes the stream.

    There is one deadline, that of the cancel scope around everything. It is finite while the connection is idle or
    closing, and infinite while a request is being answered (Quart has a timeout for that).
    """

    def __init__(
        self,
        context: HttpContext,
        stream: trio.SocketStream,
        tls: TlsStream | None = None,
        *,
        on_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """`tls` is the decrypted stream inside `stream`. `on_waiting` is called when the connection begins to wait."""
        self._context = context
        self._socket = stream.socket
        self._tls = tls
        self._stream: trio.abc.Stream = tls or stream
        self._on_waiting = on_waiting
        self.is_delayed = False
        """True if the answer is delayed on purpose."""
        self.waiting_since = trio.current_time()
        """The time at which the connection was opened, its last answer sent, or the current request begun."""
        self._sending_since: float | None = None
        self._scope = trio.CancelScope()
        self._sending = trio.Lock()
        self._is_closing = False
        self._is_input_over = False

    @property
    def makes_way(self) -> bool:
        """True if the next request or the rest of one is awaited, or the answer is delayed or taken slowly."""
        is_waiting = self._scope.deadline < math.inf or self._protocol.is_receiving_body
        return is_waiting or self.is_delayed or self.is_read_slowly

    @property
    def is_read_slowly(self) -> bool:
        """True while the peer takes nothing more of an answer."""
        since = self._sending_since
        return since is not None and trio.current_time() - since >= self._context.limits.slow_s

    async def run(self) -> None:
        """Serve requests until either side ends the connection or the deadline does."""
        self._end_in(self._context.limits.keep_alive_s)  # first: it makes way even if its peer is gone already
        with self._scope:
            async with TaskGroup() as tasks:
                self._protocol = self._open_protocol(tasks)
                await self._read()
                self._scope.cancel()  # the peer is gone

    def _open_protocol(self, tasks: TaskGroup) -> Http11:
        sock = self._socket
        return Http11(
            self._context.app,
            self._context.config,
            WorkerContext(None),
            tasks,
            ConnectionState(LifespanState({MAKE_WAY: self._make_way})),
            self._tls is not None,
            parse_socket_addr(sock.family, sock.getpeername()),
            parse_socket_addr(sock.family, sock.getsockname()),
            self._handle,
        )

    async def _read(self) -> None:
        while data := await self._stream.receive_some(MAX_RECV_BYTES):
            if not self._is_closing:  # otherwise it is discarded (4)
                await self._protocol.handle(RawData(bytes(data)))
        self._is_input_over = True
        if not self._is_closing:
            await self._protocol.handle(RawData(b""))
        if not self._is_closing and isinstance(self._protocol.stream, HTTPStream):
            await trio.sleep_forever()  # until the answer is sent (5); if the peer is gone, sending fails

    def _make_way(self) -> None:
        self.is_delayed = True
        self._on_waiting()

    async def _handle(self, event: Event) -> None:
        match event:
            case RawData():
                await self._send(event.data)
            case Closed():
                self._close()
            case Updated() if not self._is_closing:
                self._end_in(self._context.limits.keep_alive_s if event.idle else math.inf)
                self.waiting_since = trio.current_time()
                if event.idle:
                    self.is_delayed = False
                    self._on_waiting()

    async def _send(self, data: bytes) -> None:
        is_sent = False
        async with self._sending:
            self._sending_since = trio.current_time()
            try:
                await self._stream.send_all(data)
                is_sent = True
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            finally:
                self._sending_since = None
                if not is_sent:  # an unknown part of it was sent (3)
                    self._scope.cancel()

    def _close(self) -> None:
        # Without a checkpoint: quart-trio has cancelled the calling task (2).
        if not self._is_closing:
            self._is_closing = True
            if self._tls:  # `encrypted` closes and drains it
                self._end_in(0)
                return
            self._end_in(0 if self._is_input_over else self._context.limits.linger_s)
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _end_in(self, timeout_s: float) -> None:
        self._scope.deadline = trio.current_time() + timeout_s
