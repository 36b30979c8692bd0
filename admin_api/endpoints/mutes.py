"""Mutes over HTTP: listed, tried, made, changed and lifted."""

from dataclasses import replace
from typing import Annotated

import msgspec
from quart import Response, abort, g

from admin_api.client_lookup import find_one, views_of
from admin_api.client_view import ClientView
from admin_api.expiry import ChangedTerms, Terms
from admin_api.http.answers import answer, list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import MUTED, TARGET, Time
from admin_api.restrictions import PageQuery, home_warnings, restriction_page, searched_words, terms_view
from admin_api.state import AdminState
from admin_api.warnings import warnings_of
from trio_chat.chat.client import Client
from trio_chat.chat.operators.mutes import Mute, network_written
from trio_chat.chat.operators.networks import Network, show_network
from trio_chat.chat.operators.restrictions import read_reason


class MuteView(msgspec.Struct, frozen=True):
    """A mute as operators see it. `until` is null for a permanent one, `id` for one that was not made.

    `label` is that of the muted client, null where a whole network is muted. `network` is the address by which a client
    is found again; null where that is not known. `spared` counts others there who may speak.
    """

    id: str | None
    label: str | None
    network: str | None
    spared: int
    reason: str
    by: str
    since: Time
    until: Time | None


class MuteList(msgspec.Struct, frozen=True):
    """Mutes, oldest first, the numbers of all and of those that match, and the cursor of the next page."""

    mutes: list[MuteView]
    total: int
    matching: int
    next: str | None


class NewMute(Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mute of everybody in a network, or of one client, permanent unless `minutes` or `until` end it.

    One IPv6 address stands for its /64, all of which is one home; `ADDRESS/128` is that address alone.

    With `dry_run` it takes no effect, and the answer says whom it would silence.
    """

    who: Annotated[str, msgspec.Meta(extra_json_schema=TARGET)]
    dry_run: bool = False


class Muted(msgspec.Struct, frozen=True):
    """A mute that was made. `kept` is false while the journal cannot store that; `warnings` are sentences."""

    mute: MuteView
    kept: bool
    warnings: list[str]


class ChangedMute(msgspec.Struct, frozen=True):
    """A mute that was changed or lifted. `kept` is false while the journal cannot store that."""

    mute: MuteView
    kept: bool


class MuteTrial(msgspec.Struct, frozen=True):
    """A mute that was not made: the clients that it would silence, at most 1,000 of them, and the number of all."""

    mute: MuteView
    count: int
    clients: list[ClientView]
    warnings: list[str]


@endpoint("GET /mutes", Operation({200: MuteList}, (400,), query=PageQuery))
async def list_mutes(state: AdminState, query: PageQuery) -> Response:
    """List the mutes: of whom, by whom, why and until when."""
    mutes, now = state.operator.mutes, state.operator.clock()
    page = await restriction_page(
        mutes.after(0, now), query, now, words_of=lambda mute: searched_words(mute, mute.label, mute.id)
    )
    return list_answer("mutes", page.items, _view_of, total=len(mutes), matching=page.matching, next=page.next)


@endpoint("POST /mutes", Operation({200: MuteTrial, 201: Muted}, (400, 404, 409, 422), body=NewMute))
async def mute(state: AdminState, body: NewMute) -> Response:
    """Mute a client, an address or a network: it hears everything and says nothing. `dry_run` lists whom.

    A client is found again by its session and its address, whatever its nick; others at that address are spared, but
    not those who come later.
    """
    operator = state.operator
    target = network_written(body.who) or find_one(operator.chat, body.who)
    until = body.end(operator.clock())
    drafted = await operator.draft_mute(target, reason=body.reason, by=g.by, until=until)
    if body.dry_run:
        return await _try(state, drafted, target, home_warnings(body.who, drafted.network))
    made = operator.mute(drafted)
    return answer(Muted(_view_of(made), await state.is_kept(), home_warnings(body.who, made.network)), 201)


@endpoint(
    "PATCH /mutes/<path:who>",
    Operation({200: ChangedMute}, (400, 404, 409, 422), path={"who": MUTED}, body=ChangedTerms),
)
async def change_mute(state: AdminState, who: str, body: ChangedTerms) -> Response:
    """Change the end or the reason of a mute; WHO is its id, its network or its client."""
    operator, now = state.operator, state.operator.clock()
    mute = _find_one(state, who)
    changed = replace(mute, reason=read_reason(body.reason_after(mute.reason)), until=body.end_after(mute.until, now))
    operator.change_mute(changed, by=g.by)
    return answer(ChangedMute(_view_of(changed), await state.is_kept()))


@endpoint("DELETE /mutes/<path:who>", Operation({200: ChangedMute}, (400, 404, 409), path={"who": MUTED}))
async def unmute(state: AdminState, who: str) -> Response:
    """Lift a mute; WHO is its id, its network or its client."""
    mute = _find_one(state, who)
    state.operator.unmute(mute, by=g.by)
    return answer(ChangedMute(_view_of(mute), await state.is_kept()))


async def _try(state: AdminState, mute: Mute, target: Client | Network, warnings: list[str]) -> Response:
    """Answer whom a mute would silence, with further warnings than these."""
    operator = state.operator
    clients = [target] if isinstance(target, Client) else await operator.clients_in(target)
    warnings = [*warnings, *warnings_of(operator.chat, mute.network, len(clients), would="silence")]
    if mute.label and mute.network:
        warnings.append(f"It would silence whoever comes from {show_network(mute.network)} from now on, too.")
    return answer(MuteTrial(_view_of(mute), len(clients), await views_of(operator.chat, clients), warnings))


def _find_one(state: AdminState, who: str) -> Mute:
    """Find the mute that `who` names, or abort with 409 where these are several. Raises ChatError where it is none."""
    found = state.operator.mutes.named(who, state.operator.chat, state.operator.clock())
    if len(found) > 1:
        ids = [one.id for one in found]
        abort(problem(409, f"{len(found)} mutes are for {who}: name one of {', '.join(ids)}.", candidates=ids))
    return found[0]


def _view_of(mute: Mute) -> MuteView:
    return MuteView(
        mute.id if mute.number else None,
        mute.label or None,
        show_network(mute.network) if mute.network else None,
        len(mute.spared),
        *terms_view(mute),
    )
