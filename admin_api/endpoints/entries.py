"""Entries of rooms over HTTP: read, searched, exported and said."""

from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Annotated

import msgspec
from quart import Response, abort, g
from quart.wrappers.response import IterableBody

from admin_api.entry_tail import EntryView, view_of_entry
from admin_api.http.answers import list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import ID_MAX, ROOM
from admin_api.paging import PAGE_MAX
from admin_api.rooms import find_room
from admin_api.speech import IDEMPOTENCY_KEY, KEY_HEADER, TEXT_CHARACTERS, say_once
from admin_api.state import AdminState
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import SERVER
from trio_chat.chat.moments import Bounds
from trio_chat.chat.nicks import SPELLED_MAX, fold_name
from trio_chat.chat.room import Room
from trio_chat.chat.search_query import SEARCH_CHARS_MAX, SearchTerms, read_search
from trio_chat.journal import JournalError, Past, Searchable, SearchError, need
from trio_chat.journal.lookup import ids_of

API_SESSION = "api"
"""The session under which keys of this API are kept. Sessions of clients are longer: none can use its keys."""

EXPORTED_PER_READ = 500

EXPORTS_MAX = 10
"""Exports at once: each may take hours, and there are few connections."""

Id = Annotated[int, msgspec.Meta(ge=1, le=ID_MAX)]

_encode = msgspec.json.Encoder().encode


class EntryViews(msgspec.Struct, frozen=True):
    """Entries of a room, oldest first. `next` is the `before` of the older ones (with `after`, the `after` of the newer
    ones), or null."""

    entries: list[EntryView]
    next: int | None


class EntryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entries, those before an id, or those after one; with `q`, only those that it finds."""

    before: Id | None = None
    after: Id | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX, examples=[50])] = 100
    q: Annotated[str, msgspec.Meta(max_length=SEARCH_CHARS_MAX)] = ""
    """Words, phrases in quotes, `from:NICK`, `before:WHEN` and `after:WHEN`, as `/search` in the chat takes them."""


class NewText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text of up to 50 lines, and the name under which it is said: the server's, or one that nobody has."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS, examples=["build 71 is green"])]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=SPELLED_MAX)] = SERVER


@endpoint(
    "GET /rooms/<room>/entries",
    Operation({200: EntryViews}, (400, 404, 422, 503), path={"room": ROOM}, query=EntryQuery),
)
async def list_entries(state: AdminState, room: str, query: EntryQuery) -> Response:
    """List the entries of a room: the newest 100, or by id and words."""
    found = find_room(state, room)
    if query.before and query.after and not query.q:
        abort(problem(400, "`before` and `after` can stand together only with `q`."))
    try:
        past = await _read(state, found, query)
    except SearchError as error:
        abort(problem(422, f"`q`: {error}."))
    except JournalError as error:
        abort(problem(503, f"The journal cannot be read: {error}."))
    is_forward = query.after is not None and not query.q
    shown = past[: query.limit] if is_forward else past[-query.limit :]
    edge = shown[-1 if is_forward else 0].id if len(past) > query.limit else None
    return list_answer("entries", shown, partial(view_of_entry, room=found.name), next=edge)


async def _read(state: AdminState, room: Room, query: EntryQuery) -> Sequence[Past]:
    """Return the entries of a page, and one more where there are more. Raises JournalError."""
    limit, before, after = query.limit + 1, query.before, query.after
    if not query.q:
        async with state.bulk_reads:
            return await state.journal.read(room.name, limit=limit, before=before, after=after)
    terms = _read_search(query.q, room, state.operator.clock())
    before, after = await ids_of(state.journal, Bounds(before, after).within(terms.bounds))
    journal = need(state.journal, Searchable)
    return await journal.search([room.name], terms.words, limit=limit, before=before, after=after, author=terms.author)


def _read_search(typed: str, room: Room, now: float) -> SearchTerms:
    """Read what to search for, or abort with 400. `in:` may name the room of the path alone."""
    try:
        terms = read_search(typed, now)
    except ChatError as error:
        abort(problem(400, f"`q`: {error.text}."))
    if any(fold_name(name) != fold_name(room.name) for name in terms.rooms):
        abort(problem(400, f"`q`: in: is for this room alone, #{room.name}; another is searched by its own path."))
    return terms


@endpoint(
    "GET /rooms/<room>/export",
    Operation({200: None}, (404, 503), path={"room": ROOM}, text_type="application/x-ndjson"),
)
async def export_entries(state: AdminState, room: str) -> Response:
    """Export all entries of a room, a JSON object a line, oldest first."""
    found = find_room(state, room)
    if len(state.exports) >= EXPORTS_MAX:
        return problem(503, f"There are {EXPORTS_MAX} exports already.", headers=(("Retry-After", "10"),))
    made = Response(Export(state, found.name), content_type="application/x-ndjson")
    made.headers["Cache-Control"] = "no-store"
    made.timeout = None
    return made


class Export(IterableBody):
    """The body of one answer, counted from the request on."""

    def __init__(self, state: AdminState, room: str) -> None:
        super().__init__(_lines(state, room, state.journal.last_id))
        self._state = state
        state.exports.add(self)

    async def __aexit__(self, kind: type[BaseException], error: BaseException, traceback: TracebackType) -> None:
        self._state.exports.discard(self)
        await super().__aexit__(kind, error, traceback)


async def _lines(state: AdminState, room: str, last_id: int) -> AsyncIterator[bytes]:
    """Yield the entries up to an id. Where the journal cannot be read, the last line says so."""
    cursor = 0
    while cursor < last_id:
        try:
            async with state.bulk_reads:
                past = await state.journal.read(room, limit=EXPORTED_PER_READ, after=cursor)
        except JournalError as error:
            yield _encode({"error": f"the journal cannot be read: {error}"}) + b"\n"
            return
        shown = [one for one in past if one.id <= last_id]
        if not shown:
            return
        cursor = shown[-1].id
        yield _encode_lines(shown, room)


def _encode_lines(past: Iterable[Past], room: str) -> bytes:
    return b"".join(_encode(view_of_entry(one, room)) + b"\n" for one in past)


@endpoint(
    "POST /rooms/<room>/entries",
    Operation(
        {200: EntryView, 201: EntryView},
        (400, 404, 409, 503),
        path={"room": ROOM},
        headers={KEY_HEADER: IDEMPOTENCY_KEY},
        body=NewText,
    ),
)
async def say(state: AdminState, room: str, body: NewText) -> Response:
    """Say something in a room, as the server or under a name of one's own: 201, or 200 where its key is known."""
    return await say_once(state, find_room(state, room), body.name, body.text, by=g.by, session=API_SESSION)
