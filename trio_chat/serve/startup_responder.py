"""Answers on the admin port while the journal is being opened: that can take long, as when it is on another machine."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import trio

GRACE_S = 0.5
"""Time for which requests wait before the first one is answered: usually the journal is open by then."""

REQUEST_MAX_S = 5.0
REQUEST_BYTES_MAX = 8192
CONNECTIONS_MAX = 64

LIVE = {"status": "ok"}
STARTING = {"status": "starting", "reason": "the journal is not open yet: the log of the server says why"}


class StartupResponder:
    """A minimal HTTP server that answers 503 to every request, and 200 to `/health/live`."""

    def __init__(self, listeners: Sequence[trio.SocketListener], *, grace_s: float = GRACE_S) -> None:
        self._listeners = listeners
        self._grace_s = grace_s
        self._scope = trio.CancelScope()

    @contextmanager
    def running_in(self, nursery: trio.Nursery) -> Iterator[None]:
        """Answer until the end of the block. The listeners stay open."""
        nursery.start_soon(self._run)
        try:
            yield
        finally:
            self._scope.cancel()

    async def _run(self) -> None:
        with self._scope:
            await trio.sleep(self._grace_s)
            async with trio.open_nursery() as nursery:
                limiter = trio.CapacityLimiter(CONNECTIONS_MAX)
                for listener in self._listeners:
                    nursery.start_soon(self._accept, listener, limiter, nursery)

    async def _accept(
        self, listener: trio.SocketListener, limiter: trio.CapacityLimiter, nursery: trio.Nursery
    ) -> None:
        while True:
            async with limiter:  # further connections stay in the kernel's backlog
                try:
                    stream = await listener.accept()
                except OSError:  # such as too many open files
                    await trio.sleep(1)
                    continue
            nursery.start_soon(self._answer, stream, limiter)

    async def _answer(self, stream: trio.SocketStream, limiter: trio.CapacityLimiter) -> None:
        async with limiter, stream:
            with trio.move_on_after(REQUEST_MAX_S):
                try:
                    await stream.send_all(answer_to(await _read_request(stream)))
                except trio.BrokenResourceError:
                    return


async def _read_request(stream: trio.SocketStream) -> bytes:
    """Read the head of a request, or as much as there is."""
    request = b""
    while b"\r\n\r\n" not in request and len(request) < REQUEST_BYTES_MAX:
        data = await stream.receive_some(REQUEST_BYTES_MAX)
        if not data:
            break
        request += data
    return request


def answer_to(request: bytes) -> bytes:
    """Return the whole answer to a request."""
    is_live = request.startswith((b"GET /health/live ", b"HEAD /health/live "))
    status, body = ("200 OK", LIVE) if is_live else ("503 Service Unavailable", STARTING)
    content = json.dumps(body).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
        "cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if request.startswith(b"HEAD ") else content)
