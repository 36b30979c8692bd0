"""Clients over HTTP: listed, shown and kicked."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import msgspec
import trio
from quart import Response, abort, g

from admin_api.client_view import ClientView, view_of
from admin_api.http.answers import answer, json_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import CLIENT
from admin_api.state import AdminState
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client

CLIENTS_PER_TURN = 200
"""Clients described between two checkpoints of the event loop: about a millisecond."""

_encode = msgspec.json.Encoder().encode


class ClientList(msgspec.Struct, frozen=True):
    """The clients in the order in which they connected, then those that are away."""

    clients: list[ClientView]


class Candidate(msgspec.Struct, frozen=True):
    """One of several clients that a port stands for, and the path that names it alone."""

    id: str
    label: str
    who: str
    path: str


@endpoint("GET /clients", Operation({200: ClientList}))
async def list_clients(state: AdminState) -> Response:
    """List the clients, one a line: the connected ones, and then those that are away and may resume."""
    chat = state.operator.chat
    return json_answer(_stream(chat, (*chat.clients, *chat.away)))


@endpoint("GET /clients/<who>", Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}))
async def show_client(state: AdminState, who: str) -> Response:
    """Show one client; WHO is its port, ADDRESS:PORT, id or nick."""
    chat = state.operator.chat
    return answer(view_of(chat, _find_one(chat, who)))


@endpoint("DELETE /clients/<who>", Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}))
async def kick_client(state: AdminState, who: str) -> Response:
    """Kick a client, or end its session where it is away, and show who it was."""
    client = _find_one(state.operator.chat, who)
    view = view_of(state.operator.chat, client)  # before it is taken out of its rooms
    state.operator.kick(client, by=g.by)
    return answer(view)


async def _stream(chat: Chat, clients: Sequence[Client]) -> AsyncIterator[bytes]:
    """Yield the list in pieces. A client that leaves meanwhile is still listed: it was here at the request."""
    opening = b'{"clients": ['
    for start in range(0, len(clients), CLIENTS_PER_TURN):
        turn = clients[start : start + CLIENTS_PER_TURN]
        yield opening + b"\n" + b",\n".join(_encode(view_of(chat, client)) for client in turn)
        opening = b","
        await trio.lowlevel.checkpoint()
    yield b"\n]}\n" if clients else opening + b"]}\n"


def _find_one(chat: Chat, who: str) -> Client:
    """Find the client that `who` names, or abort with 404 or 409."""
    found = chat.find(who)
    if len(found) != 1:
        abort(_choice_of(found, who) if found else problem(404, f"There is no client {who}. GET /clients lists all."))
    return found[0]


def _choice_of(found: Sequence[Client], who: str) -> Response:
    """Make the answer to a port of several clients: the path of each."""
    candidates = [Candidate(c.id, c.label, c.peer, f"/clients/{quote(c.peer, safe=':')}") for c in found]
    detail = f"{len(found)} clients have port {who}: name one of them, as in {candidates[0].path}"
    return problem(409, detail, candidates=msgspec.to_builtins(candidates))
