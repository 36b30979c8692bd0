"""Rooms over HTTP: listed and shown, with their members; spoken in, and given topics."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

import msgspec
from quart import Response, g

from admin_api.client_filter import ClientFilter, Sort, client_page
from admin_api.client_view import ClientView, client_views
from admin_api.http.answers import answer, list_answer, turns_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.schemas import ROOM
from admin_api.kept_changes import receipt_kept
from admin_api.paging import PAGE_MAX, Order, sorted_page
from admin_api.rooms import find_room
from admin_api.state import AdminState
from trio_chat.chat.chat import Chat
from trio_chat.chat.drafts import checked_topic
from trio_chat.chat.room import Room
from trio_chat.chat.rooms import TOPIC_MAX


class RoomView(msgspec.Struct, frozen=True):
    """A room as operators see it. `entries` came while this server ran; `last_id` is the id of the newest, or 0."""

    name: str
    topic: str
    members: int
    entries: int
    last_id: int


class RoomViews(msgspec.Struct, frozen=True):
    """The rooms of a page, the numbers of all rooms and of those that match, and the cursor of the next page."""

    rooms: list[RoomView]
    total: int
    matching: int
    next: str | None


class RoomQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A search for a part of the name or topic, an order and a page."""

    search: Annotated[str, msgspec.Meta(max_length=100)] = ""
    sort: Literal["name", "-name", "members", "-members", "entries", "-entries"] = "name"
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX, examples=[100])] = 100
    cursor: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """The `next` of the page before."""


class MemberViews(msgspec.Struct, frozen=True):
    """The members on a page, their number, and the cursor of the next page."""

    clients: list[ClientView]
    matching: int
    next: str | None


class MemberQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An order of clients, and a page."""

    sort: Sort = "connected"
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX, examples=[100])] = 100
    cursor: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """The `next` of the page before."""


class NewTopic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic; an empty one clears it."""

    topic: Annotated[str, msgspec.Meta(max_length=TOPIC_MAX, examples=["deploy at 22:00"])]


def _orders(chat: Chat) -> Mapping[str, Order[Room]]:
    return {
        "name": Order(lambda room: (room.name,), tuple[str]),
        "members": Order(lambda room: (chat.directory.headcount(room), room.name), tuple[int, str]),
        "entries": Order(lambda room: (room.entry_count, room.name), tuple[int, str]),
    }


@endpoint("GET /rooms", Operation({200: RoomViews}, (400,), query=RoomQuery))
async def list_rooms(state: AdminState, query: RoomQuery) -> Response:
    """List the rooms: their topics, and the numbers of members and of entries since the server started."""
    chat, part = state.operator.chat, query.search.casefold().removeprefix("#")
    page = await sorted_page(
        tuple(chat.rooms),
        _orders(chat),
        query.sort,
        limit=query.limit,
        cursor=query.cursor,
        matches=lambda room: part in room.name or part in room.topic.casefold(),
    )
    return list_answer(
        "rooms", page.items, partial(_view_of, chat), total=page.total, matching=page.matching, next=page.next
    )


@endpoint("GET /rooms/<room>", Operation({200: RoomView}, (400, 404), path={"room": ROOM}))
async def show_room(state: AdminState, room: str) -> Response:
    """Show one room."""
    return answer(_view_of(state.operator.chat, find_room(state, room)))


@endpoint(
    "GET /rooms/<room>/clients", Operation({200: MemberViews}, (400, 404), path={"room": ROOM}, query=MemberQuery)
)
async def list_members(state: AdminState, room: str, query: MemberQuery) -> Response:
    """List the clients in a room, as GET /clients shows them."""
    chat, wanted = state.operator.chat, ClientFilter(room=find_room(state, room).name)
    page = await client_page(chat, wanted, query.sort, limit=query.limit, cursor=query.cursor)
    return turns_answer("clients", page.items, partial(client_views, chat), matching=page.matching, next=page.next)


@endpoint("PUT /rooms/<room>/topic", Operation({200: RoomView}, (400, 404, 503), path={"room": ROOM}, body=NewTopic))
async def set_topic(state: AdminState, room: str, body: NewTopic) -> Response:
    """Set the topic of a room, in the name of the server, or clear it."""
    found = find_room(state, room)
    await receipt_kept(state, state.operator.set_topic(found, body.topic, by=g.by), "Set it again.")
    return answer(msgspec.structs.replace(_view_of(state.operator.chat, found), topic=checked_topic(body.topic)))


def _view_of(chat: Chat, room: Room) -> RoomView:
    return RoomView(room.name, room.topic, chat.directory.headcount(room), room.entry_count, room.newest_id)
