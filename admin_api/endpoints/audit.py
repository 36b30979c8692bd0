"""The audit log over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from quart import Response, abort

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.state import AdminState
from trio_chat.chat.operators.operator import SETTLED_WITHIN_S
from trio_chat.journal import JournalError, OperatorStore, need

LIMIT, LIMIT_MAX = 100, 1000


class AuditView(msgspec.Struct, frozen=True):
    """One action of an operator."""

    time: datetime
    who: str
    action: str
    what: str


class Audit(msgspec.Struct, frozen=True):
    """The newest actions of operators, oldest first."""

    audit: list[AuditView]


class AuditQuery(msgspec.Struct, frozen=True):
    """The number of actions to show."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, examples=[20])] = LIMIT


@endpoint("GET /audit", Operation({200: Audit}, (400, 503), query=AuditQuery))
async def show_audit(state: AdminState, query: AuditQuery) -> Response:
    """List what operators did, by whom and when: the newest 100, or ?limit=N up to 1000."""
    await state.operator.records.settled(SETTLED_WITHIN_S)
    try:
        records = await need(state.journal, OperatorStore).read_audit(query.limit)
    except JournalError as error:
        abort(problem(503, f"The journal cannot be read: {error}."))
    return answer(
        Audit([AuditView(datetime.fromtimestamp(int(r.time), UTC), r.who, r.action, r.what) for r in records])
    )
