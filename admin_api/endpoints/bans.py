"""Bans over HTTP: who is kept out, why and until when."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from quart import Response, abort, g, request
from quart_trio import QuartTrio

from admin_api.http.answers import answer
from admin_api.http.openapi import NETWORK, Operation, describes
from admin_api.http.problems import problem
from trio_chat.chat.operators.bans import REASON_LIMIT, Ban, make_ban
from trio_chat.chat.operators.networks import show_network
from trio_chat.chat.operators.operator import Operator

KEPT_WITHIN_S = 3.0
"""How long an answer waits for the journal; what it cannot keep by then holds all the same."""

MINUTES_MOST = 99_999_999
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class BanView(msgspec.Struct, frozen=True):
    """A ban as operators see it. `until` is null for good."""

    network: str
    reason: str
    by: str
    since: datetime
    until: datetime | None


class BanList(msgspec.Struct, frozen=True):
    """All bans, oldest first."""

    bans: list[BanView]


class NewBan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to keep out: an address or a network, for good, for so many minutes or until a time: the earlier of both."""

    network: Annotated[str, msgspec.Meta(extra_json_schema=NETWORK)]
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    minutes: Annotated[float, msgspec.Meta(ge=1, le=MINUTES_MOST, multiple_of=1)] | None = None  # some write 90.0
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Banned(msgspec.Struct, frozen=True):
    """What a new ban did. `kept` is false while the journal cannot keep it: it holds, but not after a restart."""

    ban: BanView
    kicked: int
    kept: bool


class Unbanned(msgspec.Struct, frozen=True):
    """The ban that was lifted. `kept` is false while the journal cannot keep that."""

    ban: BanView
    kept: bool


def add_bans(app: QuartTrio, operator: Operator) -> None:
    """Give `app` the endpoints about bans. Their docstrings are what `GET /` says of them."""

    @app.get("/bans")
    @describes(Operation({200: BanList}))
    async def list_bans() -> Response:
        """Tell who is banned, by whom, why and until when."""
        return answer(BanList([_view_of(ban) for ban in operator.bans.current(operator.clock())]))

    @app.post("/bans")
    @describes(Operation({201: Banned}, (400, 409, 422), body=NewBan))
    async def ban() -> Response:
        """Keep an address or a network out, and kick who is here from there."""
        ban = _make(_read(await request.get_data()), now=operator.clock(), by=g.by)
        kicked = operator.ban(ban)
        return answer(Banned(_view_of(ban), kicked, await operator.records.settled(KEPT_WITHIN_S)), 201)

    @app.delete("/bans/<path:network>")
    @describes(Operation({200: Unbanned}, (400, 404), path={"network": NETWORK}))
    async def unban(network: str) -> Response:
        """Lift the ban of exactly this address or network."""
        ban = operator.unban(network, by=g.by)
        return answer(Unbanned(_view_of(ban), await operator.records.settled(KEPT_WITHIN_S)))


def _read(body: str | bytes) -> NewBan:
    try:
        return msgspec.json.decode(body, type=NewBan)
    except ValueError as error:  # msgspec's own are ValueErrors, and so is what it says of bad UTF-8
        abort(problem(400, f'Expected JSON such as {{"network": "192.0.2.0/24"}}: {error}.'))


def _make(new: NewBan, *, now: float, by: str) -> Ban:
    minutes = None if new.minutes is None else int(new.minutes)
    ban = make_ban(new.network, reason=new.reason, by=by, now=now, minutes=minutes)
    if new.until is None:
        return ban
    if not now < new.until.timestamp() < END_OF_TIME:
        abort(problem(422, "The time that until gives is over, or too far away."))
    return replace(ban, until=min(new.until.timestamp(), ban.until or END_OF_TIME))


def _view_of(ban: Ban) -> BanView:
    until = None if ban.until is None else _time(ban.until)
    return BanView(show_network(ban.network), ban.reason, ban.by, _time(ban.since), until)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
