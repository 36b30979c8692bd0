"""Health over HTTP: the status code is for load balancers and Docker, the body for people."""

from typing import Literal

import msgspec
from quart import Response

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.state import AdminState
from admin_api.watch import health_of
from trio_chat import __version__


class HealthView(msgspec.Struct, frozen=True, omit_defaults=True):
    """The server's health.

    `read-only`: the journal cannot store anything now, and people can still come, go and read. `degraded`: some stored
    entries turned out to be damaged; everything else works.
    """

    status: Literal["ok", "degraded", "read-only"]
    version: str
    uptime_s: int
    clients: int
    window_bytes: int
    """Memory for the newest entries of all rooms."""
    durability: str
    """A sentence about what survives a power cut."""
    reason: str | None = None


class Live(msgspec.Struct, frozen=True):
    """The process runs and answers."""

    status: Literal["ok"] = "ok"


class Ready(msgspec.Struct, frozen=True):
    """Readiness for more people and, if there is none, the reason."""

    status: Literal["ready", "not-ready"]
    reasons: list[str]


@endpoint("GET /health/live", Operation({200: Live}))
async def show_liveness(_state: AdminState) -> Response:
    """Report that the process runs and answers: 200. Where it does not, restarting it may help."""
    return answer(Live())


@endpoint("GET /health/ready", Operation({200: Ready, 503: Ready}))
async def show_readiness(state: AdminState) -> Response:
    """Report whether people can come and speak: 200, or 503 while nothing can be stored, the chat is full or stops."""
    obstacles = (
        ("the server is stopping", state.is_stopping()),
        ("the chat is full: no more connections are admitted", state.is_full()),
        (state.journal.fault or "", state.journal.fault is not None),
    )
    reasons = [reason for reason, is_so in obstacles if is_so]
    return answer(Ready("not-ready" if reasons else "ready", reasons), 503 if reasons else 200)


@endpoint("GET /health", Operation({200: HealthView, 503: HealthView}))
async def show_health(state: AdminState) -> Response:
    """Report the server's health: 200, or 503 and the reason while nothing can be stored."""
    fault, damage = state.journal.fault, state.journal.damage
    health = HealthView(
        status=health_of(state.journal),
        version=__version__,
        uptime_s=state.uptime_s,
        clients=len(state.operator.chat.clients),
        window_bytes=state.operator.chat.rooms.budget.used_bytes,
        durability=state.journal.promise,
        reason=fault or damage,
    )
    return answer(health, 200 if fault is None else 503)
