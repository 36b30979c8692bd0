"""Finding the one client that an operator names."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from quart import Response, abort

from admin_api.client_view import ClientView, client_views
from admin_api.http.problems import problem
from admin_api.http.turns import in_turns
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client

NAMED_MAX = 1000
"""The most clients that one answer lists; there may be more."""


class Candidate(msgspec.Struct, frozen=True):
    """One of several clients that a port stands for, and the path that names it alone."""

    id: str
    label: str
    who: str
    path: str


def find_one(chat: Chat, who: str) -> Client:
    """Find the client that `who` names, or abort with 404 or 409. Raises ChatError for what can name none.

    Of several places of the member that it names, it is the one that is connected longest.
    """
    found = chat.directory.find(who)
    if len(found) != 1 and not chat.directory.called(who):
        abort(_choice_of(found, who) if found else problem(404, f"There is no client {who}. GET /clients lists all."))
    return found[0]


async def views_of(chat: Chat, clients: Sequence[Client]) -> list[ClientView]:
    """Describe clients as they are now, NAMED_MAX at most."""
    return [view async for turn in in_turns(clients[:NAMED_MAX]) for view in client_views(chat, turn)]


def _choice_of(found: Sequence[Client], who: str) -> Response:
    """Make the answer to a port of several clients: the path of each."""
    candidates = [Candidate(c.id, c.label, c.peer, f"/clients/{quote(c.peer, safe=':')}") for c in found]
    detail = f"{len(found)} clients have port {who}: name one of them, as in {candidates[0].path}"
    return problem(409, detail, candidates=msgspec.to_builtins(candidates))
