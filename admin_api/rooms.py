"""Rooms, as endpoints find them and wait for what happens in them."""

import trio
from quart import abort

from admin_api.http.problems import problem
from admin_api.state import AdminState
from trio_chat.chat.events import Receipt
from trio_chat.chat.nicks import SPELLED_MAX
from trio_chat.chat.room import Room
from trio_chat.chat.text import excerpt
from trio_chat.journal import JournalError


def find_room(state: AdminState, name: str) -> Room:
    """Return the room of a name, or abort with 404."""
    room = state.operator.chat.rooms.find(name) if len(name) <= SPELLED_MAX else None
    if room is None:
        abort(problem(404, f"There is no room {excerpt(name, SPELLED_MAX)}. GET /rooms lists all."))
    return room


async def when_kept(state: AdminState, receipt: Receipt, advice: str) -> None:
    """Return when something is on disk, or abort with 503. `advice` is what to do where nobody knows whether it is."""
    try:
        with trio.fail_after(state.keep_timeout_s):
            await receipt.kept()
    except JournalError as error:
        abort(problem(503, f"The journal cannot keep it: {error}."))
    except trio.TooSlowError:
        abort(problem(503, f"The journal takes long to keep it: it may be kept yet. {advice}"))
