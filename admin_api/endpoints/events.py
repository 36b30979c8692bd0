"""Live events over HTTP, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import re
from collections.abc import AsyncGenerator, AsyncIterable
from types import TracebackType
from typing import Annotated

import msgspec
import trio
from quart import Response, abort, g, request
from quart.wrappers.response import ResponseBody

from admin_api.entry_tail import EntryTail
from admin_api.event_log import GROUPS, SET_TOPIC, SUBSCRIBERS_MAX, EventLog, Subscriber, WantedGroups
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import Schema
from admin_api.state import AdminState
from trio_chat.chat.dependencies import Change
from trio_chat.chat.text import excerpt

ENTRY = "entry"
"""The group of what is said, which is sent only where it is asked for by name."""

DEFAULT: WantedGroups = frozenset({"client", "operator", "health", "limit"})
"""The groups that are sent where none is asked for: what happens in rooms is too much for most."""

ACTIONS = (
    *("ban", "unban", "change-ban", "mute", "unmute", "change-mute"),
    *("reload", "say", "announce", SET_TOPIC, "hook", "unhook", "kick-many", "remove"),
    *("name-add", "name-reset", "name-remove", "invite", "invite-withdraw"),
)
"""The names of events of operators."""

TYPES_MAX = 500
NAME_LIMIT = 64
"""Characters of an unknown name that are repeated in an answer."""

ENTRY_DIGITS = 18

_ID = re.compile(rb"^id: [0-9-]+$", re.MULTILINE)

# Without an empty line, which would end an event: some clients, httpx-sse among them, report one that has no data.
OPENING, PING = b"retry: 3000\n", b": ping\n"
LAST_EVENT_ID: Schema = {"type": "string", "description": "The id of the last event received."}


class EventQuery(msgspec.Struct, frozen=True):
    """The events to be sent: groups or names, with commas between them. Without any: those in DEFAULT."""

    types: Annotated[str, msgspec.Meta(max_length=TYPES_MAX, examples=["client,operator"])] = ""


@endpoint(
    "GET /events",
    Operation(
        {200: None},
        (400, 503),
        query=EventQuery,
        headers={"Last-Event-ID": LAST_EVENT_ID},
        text_type="text/event-stream",
    ),
)
async def follow_events(state: AdminState, query: EventQuery) -> Response:
    """Stream events live: clients, operators, health, limits; topics, nicks, rooms and entries where asked for."""
    log, wanted = state.events, _read_types(query.types)
    # Trade-off: a subscriber is counted when its body begins, so requests of the same instant may exceed the limit.
    if len(log.subscribers) >= SUBSCRIBERS_MAX:
        return problem(503, f"There are {SUBSCRIBERS_MAX} subscribers already.", headers=(("Retry-After", "10"),))
    last_id = request.headers.get("Last-Event-ID")
    cursor = log.end if not last_id else log.cursor_after(last_id)
    # The body of a HEAD is read to its end, and a stream has none.
    tail = _open_tail(state, last_id or "") if ENTRY in wanted else None
    subscriber = Subscriber(log, cursor, g.by, wanted)
    made = Response(Stream(log, subscriber, tail) if request.method == "GET" else b"")
    made.content_type = "text/event-stream"
    made.headers["Cache-Control"] = "no-store"
    made.timeout = None
    return made


def _open_tail(state: AdminState, last_id: str) -> EntryTail:
    catch_up = state.operator.chat.nodes.catch_up
    return EntryTail(state.journal, _entry_cursor(last_id), state.bulk_reads, catch_up=catch_up)


def _read_types(types: str) -> WantedGroups:
    """Return the groups and names that are asked for, or abort with 400 for something that can be neither."""
    if not types:
        return DEFAULT
    wanted = frozenset(name.strip() for name in types.split(","))
    known = {*GROUPS, ENTRY, *Change, *ACTIONS}
    if unknown := sorted(wanted - known):
        shown = excerpt(unknown[0], NAME_LIMIT)
        abort(problem(400, f"`types` has {shown!r}, which no event is called: known are {', '.join(sorted(known))}."))
    return wanted


def _entry_cursor(last_id: str) -> int | None:
    """Return the id of the entry that a subscriber was sent last, by the id of its last event."""
    number = last_id.partition("-")[2].partition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= ENTRY_DIGITS else None


class Stream(ResponseBody):
    """The body of one answer. Quart sends it inside the subscriber's cancel scope, which is what drops it."""

    def __init__(self, log: EventLog, subscriber: Subscriber, tail: EntryTail | None = None) -> None:
        """`tail` is there for one who wants what is said."""
        self._tail = tail
        self._log = log
        self._subscriber = subscriber
        self._body = self._chunks()

    async def __aenter__(self) -> AsyncIterable[bytes]:
        self._log.subscribers.add(self._subscriber)
        self._log.entry_readers += self._tail is not None
        self._subscriber.scope.__enter__()
        return self._body

    async def __aexit__(  # type: ignore[override]  # Quart's annotation forbids None
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        await self._body.aclose()
        try:
            return bool(self._subscriber.scope.__exit__(kind, error, traceback))
        finally:
            self._log.entry_readers -= self._tail is not None
            self._subscriber.close()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        chunk = OPENING
        while True:
            self._subscriber.start_send()
            yield chunk
            self._subscriber.finish_send()
            chunk = await self._next_chunk()
            if not chunk and self._log.is_closed:
                return
            chunk = chunk or PING

    async def _next_chunk(self) -> bytes:
        """Return what is to be sent next, as soon as there is something. -> nothing when it is time for a ping"""
        with trio.move_on_after(self._log.times.ping_interval_s):
            while True:
                appended = self._log.appended
                chunk = self._next_events() or await self._read_entries()
                if chunk or self._log.is_closed:
                    return chunk
                await appended.wait()
        return b""

    def _next_events(self) -> bytes:
        """Return the next events of the log. Their ids also say which entries were sent before them."""
        chunk = self._subscriber.next_chunk()
        return _ID.sub(rb"\g<0>-%d" % self._tail.cursor, chunk) if self._tail else chunk

    async def _read_entries(self) -> bytes:
        entries = await self._tail.read() if self._tail else []
        return b"".join(
            b"id: %s\nevent: entry\ndata: %s\n\n"
            % (self._log.id_of(self._subscriber.cursor, entry.id), msgspec.json.encode(entry))
            for entry in entries
        )
