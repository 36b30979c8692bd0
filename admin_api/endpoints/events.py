"""Live events over HTTP, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import AsyncGenerator, AsyncIterable
from types import TracebackType

import trio
from quart import Response, g, request
from quart.wrappers.response import ResponseBody
from quart_trio import QuartTrio

from admin_api.event_log import SUBSCRIBERS_MOST, EventLog, Subscriber
from admin_api.http.openapi import Operation, Schema, describes
from admin_api.http.problems import problem

PING_S = 15.0
"""So often something is sent, or a peer that is gone would never be noticed."""

OPENING, PING = b"retry: 3000\n\n", b": ping\n\n"
LAST_EVENT_ID: Schema = {"type": "string", "description": "The id of the last event that was seen."}


def add_events(app: QuartTrio, log: EventLog) -> None:
    """Give `app` the endpoint about what happens."""

    @app.get("/events")
    @describes(Operation({200: None}, (503,), header={"Last-Event-ID": LAST_EVENT_ID}, text_type="text/event-stream"))
    async def follow_events() -> Response:
        """Tell live who comes and goes and what operators do, as server-sent events."""
        # Trade-off: a place is taken when the body begins, so those who ask in the same instant may be some more.
        if len(log.subscribers) >= SUBSCRIBERS_MOST:
            return problem(503, f"{SUBSCRIBERS_MOST} follow the events already.", headers=(("Retry-After", "10"),))
        last_id = request.headers.get("Last-Event-ID")
        cursor = log.next if not last_id else log.cursor_after(last_id)
        # A HEAD of what never ends would never end.
        made = Response(Stream(log, Subscriber(log, cursor, g.by)) if request.method == "GET" else b"")
        made.content_type = "text/event-stream"
        made.headers["Cache-Control"] = "no-store"
        made.timeout = None
        return made


class Stream(ResponseBody):
    """The body of one answer. Quart sends it inside the subscriber's scope, so that it can be cut off."""

    def __init__(self, log: EventLog, subscriber: Subscriber) -> None:
        self._log = log
        self._subscriber = subscriber
        self._pieces = self._give()

    async def __aenter__(self) -> AsyncIterable[bytes]:
        self._log.subscribers.add(self._subscriber)
        self._subscriber.scope.__enter__()
        return self._pieces

    async def __aexit__(  # type: ignore[override]  # Quart's leaves out that there may be no error
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        await self._pieces.aclose()
        try:
            return bool(self._subscriber.scope.__exit__(kind, error, traceback))
        finally:
            self._subscriber.leave()

    async def _give(self) -> AsyncGenerator[bytes]:
        piece = OPENING
        while True:
            self._subscriber.given()
            yield piece
            self._subscriber.taken()
            piece = self._subscriber.take()
            if not piece and not self._log.is_closed:
                with trio.move_on_after(PING_S):
                    await self._log.news.wait()
                piece = self._subscriber.take()
            if not piece and self._log.is_closed:
                return
            piece = piece or PING
