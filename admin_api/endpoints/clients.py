"""Clients over HTTP: who is connected, and an end to a connection."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import msgspec
import trio
from quart import Response, abort, g
from quart_trio import QuartTrio

from admin_api.client_view import ClientView, view_of
from admin_api.http.answers import answer, json_answer
from admin_api.http.openapi import CLIENT, Operation, describes
from admin_api.http.problems import problem
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.operators.operator import Operator

CLIENTS_PER_TURN = 200
"""About a millisecond's work; then others have their turn of the loop."""

_encode = msgspec.json.Encoder().encode


class ClientList(msgspec.Struct, frozen=True):
    """Everyone who is connected, in the order of coming."""

    clients: list[ClientView]


class Candidate(msgspec.Struct, frozen=True):
    """One of several clients that were named, and the path that names it alone."""

    id: str
    label: str
    who: str
    path: str


def add_clients(app: QuartTrio, operator: Operator) -> None:
    """Give `app` the endpoints about clients. Their docstrings are what `GET /` says of them."""
    chat = operator.chat

    @app.get("/clients")
    @describes(Operation({200: ClientList}))
    async def list_clients() -> Response:
        """Tell who is connected, one client a line."""
        return json_answer(_stream(chat, tuple(chat.clients)))

    @app.get("/clients/<who>")
    @describes(Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}))
    async def show_client(who: str) -> Response:
        """Show one client; WHO is its port, ADDRESS:PORT or id."""
        return answer(view_of(chat, _find_one(chat, who)))

    @app.delete("/clients/<who>")
    @describes(Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}))
    async def kick_client(who: str) -> Response:
        """End a client's connection and show whose it was."""
        client = _find_one(chat, who)
        view = view_of(chat, client)  # before it is taken out of its rooms
        operator.kick(client, by=g.by)
        return answer(view)


async def _stream(chat: Chat, clients: Sequence[Client]) -> AsyncIterator[bytes]:
    """Yield the list piecemeal. Who leaves meanwhile is still listed: it was connected when the list was asked for."""
    opening = b'{"clients": ['
    for start in range(0, len(clients), CLIENTS_PER_TURN):
        turn = clients[start : start + CLIENTS_PER_TURN]
        yield opening + b"\n" + b",\n".join(_encode(view_of(chat, client)) for client in turn)
        opening = b","
        await trio.lowlevel.checkpoint()
    yield b"\n]}\n" if clients else opening + b"]}\n"


def _find_one(chat: Chat, who: str) -> Client:
    """Find the client that `who` names, or end the request by 404 or 409."""
    found = chat.find(who)
    if len(found) != 1:
        abort(_choice_of(found, who) if found else problem(404, f"There is no client {who}. GET /clients lists all."))
    return found[0]


def _choice_of(found: Sequence[Client], who: str) -> Response:
    """Refuse to guess which of several clients is meant, and say how to name each."""
    candidates = [Candidate(c.id, c.label, c.peer, f"/clients/{quote(c.peer, safe=':')}") for c in found]
    detail = f"{len(found)} clients have port {who}: name one of them, as in {candidates[0].path}"
    return problem(409, detail, candidates=msgspec.to_builtins(candidates))
