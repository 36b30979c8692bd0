"""Removal of entries over HTTP."""

from typing import Annotated

import msgspec
import trio
from quart import Response, abort, g

from admin_api.entry_tail import EntryView, view_of_entry
from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import ID_MAX, ROOM, Schema
from admin_api.rooms import find_room
from admin_api.state import AdminState
from trio_chat.chat.events import Entry
from trio_chat.chat.removal import REASON_MAX, tombstone_of
from trio_chat.chat.room import Room
from trio_chat.chat.text import excerpt
from trio_chat.journal import Damaged, JournalError
from trio_chat.journal.lookup import entry_in_rooms, read_id

ENTRY_ID: Schema = {
    "type": "integer",
    "description": "The id of an entry, as GET /rooms/<room>/entries shows it.",
    "minimum": 1,
    "maximum": ID_MAX,
    "examples": [42],
}

Reason = Annotated[str, msgspec.Meta(max_length=REASON_MAX, examples=["spam"])]


class RemovalQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The reason that everybody in the room reads."""

    reason: Reason = ""


class RemovalBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason that everybody in the room reads."""

    reason: Reason = ""


@endpoint(
    "DELETE /rooms/<room>/entries/<entry>",
    Operation(
        {200: EntryView},
        (400, 404, 409, 503),
        path={"room": ROOM, "entry": ENTRY_ID},
        query=RemovalQuery,
        optional_body=RemovalBody,
    ),
)
async def remove_entry(
    state: AdminState, room: str, entry: str, query: RemovalQuery, body: RemovalBody | None
) -> Response:
    """Remove an entry for everybody: its words are gone from the history, and a tombstone is in its place."""
    found = find_room(state, room)
    reason = (body.reason if body else "") or query.reason
    try:
        with trio.fail_after(state.keep_timeout_s):
            one = await _find_entry(state, found, entry)
            await state.operator.remove(one, by=g.by, reason=reason)
    except JournalError as error:
        abort(problem(503, f"Entry {excerpt(entry)} was not removed: {error}."))
    except trio.TooSlowError:
        abort(problem(503, "The journal takes long: the entry may be removed yet. Ask again."))
    return answer(view_of_entry(tombstone_of(one)))


async def _find_entry(state: AdminState, room: Room, written: str) -> Entry:
    """Return an entry of a room, or abort with 404 or, where it is damaged, 409. Raises JournalError."""
    entry_id = read_id(written)
    past = None if entry_id is None else await entry_in_rooms(state.journal, entry_id)
    if isinstance(past, Damaged):
        abort(problem(409, f"Entry {past.id} is damaged: nobody can read it, and it cannot be removed."))
    if past is None or past.draft.room != room.name:
        abort(problem(404, f"There is no entry {excerpt(written)} in #{room.name}. It may be pruned by now."))
    return past
