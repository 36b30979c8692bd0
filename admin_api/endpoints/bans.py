"""Bans over HTTP: listed, made and lifted."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from quart import Response, abort, g

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import NETWORK
from admin_api.state import AdminState
from trio_chat.chat.operators.bans import REASON_LIMIT, Ban, make_ban
from trio_chat.chat.operators.networks import show_network

MINUTES_MAX = 99_999_999
Minutes = Annotated[float, msgspec.Meta(ge=1, le=MINUTES_MAX, multiple_of=1)]
"""A float, since some programs write 90.0."""

UNTIL_MAX = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class BanView(msgspec.Struct, frozen=True):
    """A ban as operators see it. `until` is null for a permanent one."""

    network: str
    reason: str
    by: str
    since: datetime
    until: datetime | None


class BanList(msgspec.Struct, frozen=True):
    """All bans, oldest first."""

    bans: list[BanView]


class NewBan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ban of an address or a network, permanent unless `minutes` or `until` end it. Of both, the earlier counts."""

    network: Annotated[str, msgspec.Meta(extra_json_schema=NETWORK)]
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT, examples=["spam"])] = ""
    minutes: Annotated[Minutes | None, msgspec.Meta(examples=[90])] = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Banned(msgspec.Struct, frozen=True):
    """A new ban and the number of clients it kicked.

    `kept` is false while the journal cannot store it: the ban applies, but only until a restart.
    """

    ban: BanView
    kicked: int
    kept: bool


class Unbanned(msgspec.Struct, frozen=True):
    """The lifted ban. `kept` is false while the journal cannot store that."""

    ban: BanView
    kept: bool


@endpoint("GET /bans", Operation({200: BanList}))
async def list_bans(state: AdminState) -> Response:
    """List the bans: of whom, by whom, why and until when."""
    operator = state.operator
    return answer(BanList([_view_of(ban) for ban in operator.bans.current(operator.clock())]))


@endpoint("POST /bans", Operation({201: Banned}, (400, 409, 422), body=NewBan))
async def ban(state: AdminState, body: NewBan) -> Response:
    """Ban an address or a network, and kick the clients from there."""
    ban = _make(body, now=state.operator.clock(), by=g.by)
    kicked = await state.operator.ban(ban)
    return answer(Banned(_view_of(ban), kicked, await _is_kept(state)), 201)


@endpoint("DELETE /bans/<path:network>", Operation({200: Unbanned}, (400, 404), path={"network": NETWORK}))
async def unban(state: AdminState, network: str) -> Response:
    """Lift the ban of exactly this address or network."""
    ban = state.operator.unban(network, by=g.by)
    return answer(Unbanned(_view_of(ban), await _is_kept(state)))


async def _is_kept(state: AdminState) -> bool:
    return await state.operator.records.settled(state.keep_timeout_s)


def _make(new: NewBan, *, now: float, by: str) -> Ban:
    minutes = None if new.minutes is None else int(new.minutes)
    ban = make_ban(new.network, reason=new.reason, by=by, now=now, minutes=minutes)
    if new.until is None:
        return ban
    if not now < new.until.timestamp() < UNTIL_MAX:
        abort(problem(422, "`until` has to be in the future, and before the year 9999."))
    return replace(ban, until=min(new.until.timestamp(), ban.until or UNTIL_MAX))


def _view_of(ban: Ban) -> BanView:
    until = None if ban.until is None else _time(ban.until)
    return BanView(show_network(ban.network), ban.reason, ban.by, _time(ban.since), until)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
