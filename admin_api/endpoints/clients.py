"""Clients over HTTP: listed, shown, kicked, and ended by the filter."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec
from quart import Response, abort, g

from admin_api.client_filter import ClientFilter, Sort, client_page, select
from admin_api.client_lookup import NAMED_MAX, find_one, views_of
from admin_api.client_view import ClientView, client_views, view_of
from admin_api.http.answers import answer, turns_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import CLIENT, Time
from admin_api.paging import PAGE_MAX
from admin_api.state import AdminState
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.operators.restrictions import REASON_LIMIT

LABELS_RECORDED = 5
"""Clients that the audit log names where they were ended by their ids."""

Reason = Annotated[str, msgspec.Meta(max_length=REASON_LIMIT, examples=["too noisy"])]


class ClientQuery(ClientFilter, frozen=True, kw_only=True):
    """A filter, an order, and a page. Without `limit`, all that match are listed."""

    sort: Sort = "connected"
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX, examples=[100])] | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """The `next` of the page before."""


class ClientList(msgspec.Struct, frozen=True):
    """The clients of a page, the numbers of all clients and of those that match, and the cursor of the next page."""

    clients: list[ClientView]
    total: int
    matching: int
    next: str | None


class KickQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The reason that the client is told."""

    reason: Reason = ""


class KickBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason that the client is told."""

    reason: Reason = ""


class EndQuery(ClientFilter, frozen=True, kw_only=True):
    """First a filter with `dry_run`, then the `confirm` of its answer alone, with the reason that they are told."""

    dry_run: bool = False
    confirm: Annotated[str, msgspec.Meta(max_length=100)] = ""
    reason: Reason = ""


class EndedClients(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The clients that would be ended (`dry_run`), or were; and the labels of those who had left meanwhile.

    At most 1,000 are named; `count` is the number of all.
    """

    dry_run: bool
    count: int
    clients: list[ClientView]
    confirm: str | None = None
    expires_at: Time | None = None
    gone: list[str] = []


@endpoint("GET /clients", Operation({200: ClientList}, (400,), query=ClientQuery))
async def list_clients(state: AdminState, query: ClientQuery) -> Response:
    """List the clients, one a line: the connected ones, and then those that are away and may resume."""
    chat = state.operator.chat
    limit = query.limit or len(chat.directory.everybody) or 1
    page = await client_page(chat, query, query.sort, limit=limit, cursor=query.cursor)
    # A client that leaves meanwhile is still listed: it was here at the request.
    rows, views = page.items, partial(client_views, chat)
    return turns_answer("clients", rows, views, total=page.total, matching=page.matching, next=page.next)


@endpoint("GET /clients/<who>", Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}))
async def show_client(state: AdminState, who: str) -> Response:
    """Show one client; WHO is its port, ADDRESS:PORT, id or nick."""
    chat = state.operator.chat
    return answer(view_of(chat, find_one(chat, who)))


@endpoint(
    "DELETE /clients/<who>",
    Operation({200: ClientView}, (400, 404, 409), path={"who": CLIENT}, query=KickQuery, optional_body=KickBody),
)
async def kick_client(state: AdminState, who: str, query: KickQuery, body: KickBody | None) -> Response:
    """Kick a client, or end its session where it is away, and show who it was. It is told the reason.

    By its nick, a member is kicked in all places; by a port, ADDRESS:PORT or id, in that one.
    """
    client = find_one(state.operator.chat, who)
    view = view_of(state.operator.chat, client)  # before it is taken out of its rooms
    everywhere = bool(state.operator.chat.directory.called(who))
    state.operator.kick(client, by=g.by, reason=(body.reason if body else "") or query.reason, everywhere=everywhere)
    return answer(view)


@endpoint("DELETE /clients", Operation({200: EndedClients}, (400, 409), query=EndQuery))
async def end_clients(state: AdminState, query: EndQuery) -> Response:
    """End many clients: list them by a filter with `dry_run`, then end those who are still there by `confirm`."""
    if query.confirm:
        return await _end_confirmed(state, query)
    if not query.dry_run:
        abort(problem(400, "First ask with dry_run=true whom it would end; its answer has a `confirm` that ends them."))
    clients = await _selected(state.operator.chat, query)
    labels = {client.id: client.label for client in clients}
    confirmation = state.confirmations.add(labels, _recorded(query, labels.values()), state.operator.clock())
    return answer(
        EndedClients(
            dry_run=True,
            count=len(clients),
            clients=await views_of(state.operator.chat, clients),
            confirm=confirmation.token,
            expires_at=datetime.fromtimestamp(int(confirmation.expires_at), UTC),
        )
    )


async def _selected(chat: Chat, query: EndQuery) -> list[Client]:
    """Return the clients that a filter fits, or abort with 400 where it would be everybody."""
    if not query.given:
        names = ", ".join(ClientFilter.__struct_fields__)
        abort(problem(400, f"Without a filter this would end everybody: give at least one of {names}."))
    clients = [client async for turn in select(chat, query.compile(chat)) for client in turn]
    if len(clients) == len(chat.directory.everybody) > 1 and query.ids is None:
        abort(
            problem(400, f"The filter {query.shown} fits everybody, all {len(clients)} clients: give a narrower one.")
        )
    return clients


async def _end_confirmed(state: AdminState, query: EndQuery) -> Response:
    if query.given or query.dry_run:
        abort(problem(400, "`confirm` ends those who were listed: no filter and no `dry_run` may stand beside it."))
    confirmed = state.confirmations.take(query.confirm, state.operator.clock())
    if confirmed is None:
        abort(problem(409, "This `confirm` was used already, or is older than a minute: ask with dry_run=true again."))
    chat = state.operator.chat
    here = [client for one in confirmed.labels for client in chat.directory.find(one) if client.id == one]
    views = await views_of(chat, here)
    ended = await state.operator.kick_many(here, by=g.by, what=confirmed.what, reason=query.reason)
    gone = [label for one, label in confirmed.labels.items() if one not in ended]
    clients = [view for view in views if view.id in ended]
    return answer(EndedClients(dry_run=False, count=len(ended), clients=clients, gone=gone[:NAMED_MAX]))


def _recorded(wanted: ClientFilter, labels: Iterable[str]) -> str:
    """Return what the audit log says about whom a filter means: names in place of ids."""
    if wanted.ids is None:
        return wanted.shown
    names = list(labels)
    more = f" and {len(names) - LABELS_RECORDED} more" if len(names) > LABELS_RECORDED else ""
    return ", ".join(names[:LABELS_RECORDED]) + more
