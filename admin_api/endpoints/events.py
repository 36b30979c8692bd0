"""Live events over HTTP, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import AsyncGenerator, AsyncIterable
from types import TracebackType

import trio
from quart import Response, g, request
from quart.wrappers.response import ResponseBody

from admin_api.event_log import SUBSCRIBERS_MAX, EventLog, Subscriber
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import Schema
from admin_api.state import AdminState

# Without an empty line, which would end an event: some clients, httpx-sse among them, report one that has no data.
OPENING, PING = b"retry: 3000\n", b": ping\n"
LAST_EVENT_ID: Schema = {"type": "string", "description": "The id of the last event received."}


@endpoint(
    "GET /events",
    Operation({200: None}, (503,), headers={"Last-Event-ID": LAST_EVENT_ID}, text_type="text/event-stream"),
)
async def follow_events(state: AdminState) -> Response:
    """Stream connects, disconnects and operators' actions live, as server-sent events."""
    log = state.events
    # Trade-off: a subscriber is counted when its body begins, so requests of the same instant may exceed the limit.
    if len(log.subscribers) >= SUBSCRIBERS_MAX:
        return problem(503, f"There are {SUBSCRIBERS_MAX} subscribers already.", headers=(("Retry-After", "10"),))
    last_id = request.headers.get("Last-Event-ID")
    cursor = log.end if not last_id else log.cursor_after(last_id)
    # The body of a HEAD is read to its end, and a stream has none.
    made = Response(Stream(log, Subscriber(log, cursor, g.by)) if request.method == "GET" else b"")
    made.content_type = "text/event-stream"
    made.headers["Cache-Control"] = "no-store"
    made.timeout = None
    return made


class Stream(ResponseBody):
    """The body of one answer. Quart sends it inside the subscriber's cancel scope, which is what drops it."""

    def __init__(self, log: EventLog, subscriber: Subscriber) -> None:
        self._log = log
        self._subscriber = subscriber
        self._body = self._chunks()

    async def __aenter__(self) -> AsyncIterable[bytes]:
        self._log.subscribers.add(self._subscriber)
        self._subscriber.scope.__enter__()
        return self._body

    async def __aexit__(  # type: ignore[override]  # Quart's annotation forbids None
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        await self._body.aclose()
        try:
            return bool(self._subscriber.scope.__exit__(kind, error, traceback))
        finally:
            self._subscriber.close()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        chunk = OPENING
        while True:
            self._subscriber.start_send()
            yield chunk
            self._subscriber.finish_send()
            chunk = self._subscriber.next_chunk()
            if not chunk and not self._log.is_closed:
                with trio.move_on_after(self._log.times.ping_interval_s):
                    await self._log.appended.wait()
                chunk = self._subscriber.next_chunk()
            if not chunk and self._log.is_closed:
                return
            chunk = chunk or PING
