"""Announcements over HTTP: to everybody, to a room, or to the clients that a filter fits."""

from typing import Annotated

import msgspec
from quart import Response, abort, g

from admin_api.client_filter import ClientFilter, select
from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.kept_changes import receipt_kept
from admin_api.rooms import find_room
from admin_api.speech import TEXT_CHARACTERS, lines_of
from admin_api.state import AdminState
from trio_chat.chat.client import Client
from trio_chat.chat.nicks import SPELLED_MAX
from trio_chat.chat.operators.announcements import announced_lines


class Recipients(ClientFilter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The clients that are meant: those that every given field fits just now."""


class NewAnnouncement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text of up to 50 lines: to everybody, to a room, or to the clients that a filter fits.

    With `dry_run` nothing is said, and the answer says how many would hear it.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS, examples=["maintenance at 22:00"])]
    room: Annotated[str, msgspec.Meta(min_length=1, max_length=SPELLED_MAX)] | None = None
    filter: Recipients | None = None
    dry_run: bool = False


class Announced(msgspec.Struct, frozen=True):
    """The recipients of an announcement in words, and the number of clients that it is for, those away included."""

    to: str
    count: int
    dry_run: bool


@endpoint(
    "POST /announcements", Operation({200: Announced, 201: Announced}, (400, 404, 422, 503), body=NewAnnouncement)
)
async def announce(state: AdminState, body: NewAnnouncement) -> Response:
    """Let the server speak to everybody, in a room, or to the clients that a filter fits, in private; or count them.

    The answer comes when the announcement is on disk.
    """
    if body.room is not None and body.filter is not None:
        abort(problem(400, "An announcement is for a `room` or for those of a `filter`, not for both."))
    operator, lines = state.operator, announced_lines(lines_of(body.text))
    room = find_room(state, body.room) if body.room is not None else None
    clients = await _matching(state, body.filter) if body.filter else None
    if room:
        to, count = f"#{room.name}", operator.chat.directory.headcount(room)
    elif clients is not None and body.filter:
        to, count = body.filter.shown, len(clients)
    else:
        to, count = "everybody", len(operator.chat.directory.everybody)
    if body.dry_run:
        return answer(Announced(to, count, dry_run=True))
    if room:
        receipts = await operator.announce_in(room, lines, by=g.by)
    elif clients is not None:
        receipts = await operator.announce_to(clients, lines, by=g.by, what=to)
    else:
        receipts = await operator.announce(lines, by=g.by)
    for receipt in receipts:
        await receipt_kept(state, receipt, "Look there before you announce it again.")
    return answer(Announced(to, count, dry_run=False), 201)


async def _matching(state: AdminState, wanted: Recipients) -> list[Client]:
    """Return the clients that a filter fits, or abort with 400 where it says nothing."""
    if not wanted.given:
        abort(problem(400, "The `filter` is empty: leave it out to speak to everybody."))
    chat = state.operator.chat
    return [client async for turn in select(chat, wanted.compile(chat)) for client in turn]
