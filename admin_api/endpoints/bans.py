"""Bans over HTTP: listed, tried, made, changed and lifted."""

from dataclasses import replace
from typing import Annotated

import msgspec
from quart import Response, g

from admin_api.client_lookup import views_of
from admin_api.client_view import ClientView
from admin_api.expiry import ChangedTerms, Terms
from admin_api.http.answers import answer, list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.schemas import NETWORK, Time
from admin_api.restrictions import PageQuery, home_warnings, restriction_page, searched_words, terms_view
from admin_api.state import AdminState
from admin_api.warnings import warnings_of
from trio_chat.chat.operators.bans import Ban, make_ban
from trio_chat.chat.operators.networks import show_network
from trio_chat.chat.operators.restrictions import read_reason


class BanView(msgspec.Struct, frozen=True):
    """A ban as operators see it. `until` is null for a permanent one."""

    network: str
    reason: str
    by: str
    since: Time
    until: Time | None


class BanList(msgspec.Struct, frozen=True):
    """Bans, oldest first, the numbers of all and of those that match, and the cursor of the next page."""

    bans: list[BanView]
    total: int
    matching: int
    next: str | None


class NewBan(Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ban of an address or a network, permanent unless `minutes` or `until` end it. Of both, the earlier counts.

    One IPv6 address stands for its /64, all of which is one home; `ADDRESS/128` is that address alone.

    With `dry_run` it takes no effect, and the answer says whom it would end.
    """

    network: Annotated[str, msgspec.Meta(extra_json_schema=NETWORK)]
    dry_run: bool = False


class Banned(msgspec.Struct, frozen=True):
    """A new ban and the number of clients it kicked.

    `kept` is false while the journal cannot store it: the ban applies, but only until a restart. `warnings` are
    sentences.
    """

    ban: BanView
    kicked: int
    kept: bool
    warnings: list[str]


class BanTrial(msgspec.Struct, frozen=True):
    """A ban that was not made: the clients that it would end, at most 1,000 of them, and the number of all.

    `replaces` is an earlier ban of the same network; `warnings` are sentences.
    """

    ban: BanView
    count: int
    clients: list[ClientView]
    replaces: BanView | None
    warnings: list[str]


class ChangedBan(msgspec.Struct, frozen=True):
    """A ban that was changed, or lifted. `kept` is false while the journal cannot store that."""

    ban: BanView
    kept: bool


@endpoint("GET /bans", Operation({200: BanList}, (400,), query=PageQuery))
async def list_bans(state: AdminState, query: PageQuery) -> Response:
    """List the bans: of whom, by whom, why and until when."""
    bans, now = state.operator.bans, state.operator.clock()
    page = await restriction_page(bans.after(0, now), query, now, words_of=searched_words)
    return list_answer("bans", page.items, _view_of, total=len(bans), matching=page.matching, next=page.next)


@endpoint("POST /bans", Operation({200: BanTrial, 201: Banned}, (400, 409, 422), body=NewBan))
async def ban(state: AdminState, body: NewBan) -> Response:
    """Ban an address or a network, and kick the clients from there; or list these by `dry_run`."""
    operator, now = state.operator, state.operator.clock()
    ban = replace(make_ban(body.network, reason=body.reason, by=g.by, now=now), until=body.end(now))
    if body.dry_run:
        return await _try(state, ban, home_warnings(body.network, ban.network))
    kicked = await operator.ban(ban)
    warnings = home_warnings(body.network, ban.network)
    return answer(Banned(_view_of(ban), kicked, await state.is_kept(), warnings), 201)


@endpoint(
    "PATCH /bans/<path:network>",
    Operation({200: ChangedBan}, (400, 404, 422), path={"network": NETWORK}, body=ChangedTerms),
)
async def change_ban(state: AdminState, network: str, body: ChangedTerms) -> Response:
    """Change the end or the reason of the ban of exactly this address or network. Nobody is kicked.

    One IPv6 address names the ban of its /64, too.
    """
    operator, now = state.operator, state.operator.clock()
    ban = operator.bans.named(network, now)
    changed = replace(ban, reason=read_reason(body.reason_after(ban.reason)), until=body.end_after(ban.until, now))
    operator.change_ban(changed, by=g.by)
    return answer(ChangedBan(_view_of(changed), await state.is_kept()))


@endpoint("DELETE /bans/<path:network>", Operation({200: ChangedBan}, (400, 404), path={"network": NETWORK}))
async def unban(state: AdminState, network: str) -> Response:
    """Lift the ban of exactly this address or network. One IPv6 address names the ban of its /64, too."""
    ban = state.operator.unban(network, by=g.by)
    return answer(ChangedBan(_view_of(ban), await state.is_kept()))


async def _try(state: AdminState, ban: Ban, warnings: list[str]) -> Response:
    """Answer whom a ban would end, with further warnings than these."""
    operator = state.operator
    clients = await operator.clients_in(ban.network)
    earlier = operator.bans.get(ban.network)
    return answer(
        BanTrial(
            _view_of(ban),
            len(clients),
            await views_of(operator.chat, clients),
            None if earlier is None or earlier.is_over(ban.since) else _view_of(earlier),
            [*warnings, *warnings_of(operator.chat, ban.network, len(clients), would="end")],
        )
    )


def _view_of(ban: Ban) -> BanView:
    return BanView(show_network(ban.network), *terms_view(ban))
