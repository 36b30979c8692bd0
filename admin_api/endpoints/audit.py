"""The audit over HTTP: what operators did."""

from datetime import UTC, datetime

import msgspec
from quart import Response, abort, request
from quart_trio import QuartTrio

from admin_api.http.answers import answer
from admin_api.http.openapi import Operation, Schema, describes
from admin_api.http.problems import problem
from trio_chat.chat.operators.operator import SETTLED_WITHIN_S, Operator
from trio_chat.journal import Journal, JournalError

LIMIT, LIMIT_MOST = 100, 1000
LIMIT_SCHEMA: Schema = {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT}


class AuditView(msgspec.Struct, frozen=True):
    """That somebody did something."""

    time: datetime
    who: str
    action: str
    what: str


class Audit(msgspec.Struct, frozen=True):
    """The newest of what was done, oldest first."""

    audit: list[AuditView]


def add_audit(app: QuartTrio, operator: Operator, journal: Journal) -> None:
    """Give `app` the endpoint about what was done."""

    @app.get("/audit")
    @describes(Operation({200: Audit}, (400, 503), query={"limit": LIMIT_SCHEMA}))
    async def show_audit() -> Response:
        """Tell what operators did, by whom and when: the newest 100, or ?limit=N up to 1000."""
        limit = _limit_of(request.args.getlist("limit"))
        await operator.records.settled(SETTLED_WITHIN_S)
        try:
            records = await journal.read_audit(limit)
        except JournalError as error:
            abort(problem(503, f"The journal cannot be read: {error}."))
        return answer(
            Audit([AuditView(datetime.fromtimestamp(int(r.time), UTC), r.who, r.action, r.what) for r in records])
        )


def _limit_of(given: list[str]) -> int:
    if not given:
        return LIMIT
    text = given[0]
    if len(given) > 1 or not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LIMIT_MOST):
        abort(problem(400, f"limit is a whole number from 1 to {LIMIT_MOST}, given once."))
    return int(text)
