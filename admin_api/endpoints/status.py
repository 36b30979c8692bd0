"""The state of the server at a glance, over HTTP."""

import socket

import msgspec
from quart import Response

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.resources import ResourceView
from admin_api.series import Sample
from admin_api.state import AdminState
from admin_api.watch import Health, health_of, reasons_of
from trio_chat import __version__


class StatusCounts(msgspec.Struct, frozen=True):
    """Numbers of what there is just now."""

    clients: int
    away: int
    rooms: int
    bans: int
    mutes: int
    hooks: int
    names: int


class StatusTimes(msgspec.Struct, frozen=True):
    """Seconds until a client is given up: one that takes nothing, and one that is away."""

    stall_timeout_s: float
    hold_s: float


class Status(msgspec.Struct, frozen=True):
    """The server: its name, its health with all reasons, its numbers, the latest sample of its traffic, and its
    resources.

    `run` is another after each start; ids of events begin with it.
    """

    name: str
    version: str
    run: str
    uptime_s: int
    health: Health
    reasons: list[str]
    counts: StatusCounts
    times: StatusTimes
    latest: Sample | None
    resources: list[ResourceView]


@endpoint("GET /status", Operation({200: Status}))
async def show_status(state: AdminState) -> Response:
    """Show the state of the server at a glance: health, numbers and the latest traffic."""
    chat = state.operator.chat
    counts = StatusCounts(
        clients=len(chat.clients),
        away=len(chat.away),
        rooms=len(chat.rooms),
        bans=len(state.operator.bans),
        mutes=len(state.operator.mutes),
        hooks=len(state.operator.hooks),
        names=len(state.accounts.names),
    )
    return answer(
        Status(
            name=socket.gethostname(),
            version=__version__,
            run=state.events.run,
            uptime_s=state.uptime_s,
            health=health_of(state.journal),
            reasons=list(reasons_of(state.journal, state.certificate_warnings())),
            counts=counts,
            times=StatusTimes(state.stall_timeout_s(), chat.rules.hold_s),
            latest=state.series.samples[-1] if state.series.samples else None,
            resources=list(state.resources.views(chat)),
        )
    )
