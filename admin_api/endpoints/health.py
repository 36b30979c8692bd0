"""Health: for load balancers and Docker by the status code, for people by the body."""

import time
from typing import Literal

import msgspec
from quart import Response
from quart_trio import QuartTrio

from admin_api.http.answers import answer
from admin_api.http.openapi import Operation, describes
from trio_chat import __version__
from trio_chat.chat.chat import Chat
from trio_chat.journal import Journal


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the server does. While nothing can be kept, people can still come, go and read.

    It is degraded when some of what was kept earlier turned out to be damaged; all else goes on as ever.
    """

    status: Literal["ok", "degraded", "read-only"]
    version: str
    uptime_s: int
    clients: int
    reason: str | None = None


def add_health(app: QuartTrio, chat: Chat, journal: Journal) -> None:
    """Give `app` the endpoint about health."""
    started = time.monotonic()

    @app.get("/health")
    @describes(Operation({200: Health, 503: Health}))
    async def show_health() -> Response:
        """Tell whether all is well: 200, or 503 and the reason while nothing can be kept."""
        fault, damage = journal.fault, journal.damage
        health = Health(
            status="read-only" if fault else "degraded" if damage else "ok",
            version=__version__,
            uptime_s=int(time.monotonic() - started),
            clients=len(chat.clients),
            reason=fault or damage,
        )
        return answer(health, 200 if fault is None else 503)
