"""Rooms as endpoints find them, by name."""

from quart import abort

from admin_api.http.problems import problem
from admin_api.state import AdminState
from trio_chat.chat.nicks import SPELLED_MAX
from trio_chat.chat.room import Room
from trio_chat.chat.text import excerpt


def find_room(state: AdminState, name: str) -> Room:
    """Return the room of a name, or abort with 404."""
    room = state.operator.chat.rooms.find(name) if len(name) <= SPELLED_MAX else None
    if room is None:
        abort(problem(404, f"There is no room {excerpt(name, SPELLED_MAX)}. GET /rooms lists all."))
    return room
