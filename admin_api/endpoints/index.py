"""The index: every endpoint with its summary."""

import msgspec
from quart import Response, current_app

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.state import AdminState
from trio_chat import __version__


class Index(msgspec.Struct, frozen=True):
    """The program and its endpoints, each with a summary."""

    name: str
    version: str
    endpoints: dict[str, str]


@endpoint("GET /", Operation({200: Index}))
async def show_index(_state: AdminState) -> Response:
    """List the endpoints."""
    return answer(Index("trio-chat", __version__, {one.name: one.summary for one in current_app.config["ENDPOINTS"]}))
