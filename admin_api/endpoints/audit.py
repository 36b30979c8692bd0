"""The audit log over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from quart import Response, abort

from admin_api.http.answers import list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.problems import problem
from admin_api.http.schemas import Instant, Time, read_instant
from admin_api.state import AdminState
from trio_chat.chat.operators.operator import SETTLED_WITHIN_S
from trio_chat.journal import AuditFilter, AuditRecord, JournalError, OperatorStore, need

LIMIT, LIMIT_MAX = 100, 1000

WORDS_MAX = 100
"""Characters of a filter."""


class AuditView(msgspec.Struct, frozen=True):
    """One action of an operator."""

    id: int
    time: Time
    who: str
    action: str
    what: str


class Audit(msgspec.Struct, frozen=True):
    """The newest actions of operators, oldest first. `next` is the `before` of the page of older ones, or null."""

    audit: list[AuditView]
    next: int | None


class AuditQuery(msgspec.Struct, frozen=True):
    """A filter of the audit log, and the number of actions to show."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, examples=[20])] = LIMIT
    who: Annotated[str, msgspec.Meta(max_length=WORDS_MAX)] = ""
    """A part of the operator's name."""
    action: Annotated[str, msgspec.Meta(max_length=WORDS_MAX, examples=["kick"])] = ""
    since: Instant | None = None
    until: Instant | None = None
    """The time before which they were."""
    before: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    """The `next` of a page, for the older ones."""


@endpoint("GET /audit", Operation({200: Audit}, (400, 503), query=AuditQuery))
async def show_audit(state: AdminState, query: AuditQuery) -> Response:
    """List what operators did, by whom and when: the newest 100, or ?limit=N up to 1000, by a filter."""
    await state.operator.records.settled(SETTLED_WITHIN_S)
    wanted = AuditFilter(
        who=query.who,
        action=query.action,
        since=_seconds("since", query.since),
        until=_seconds("until", query.until),
        before=query.before,
    )
    try:
        records = await need(state.journal, OperatorStore).read_audit(query.limit + 1, wanted)
    except JournalError as error:
        abort(problem(503, f"The journal cannot be read: {error}."))
    shown = records[-query.limit :]
    return list_answer("audit", shown, _view_of, next=shown[0].id if len(records) > len(shown) else None)


def _seconds(name: str, written: str | None) -> float | None:
    if written is None:
        return None
    try:
        return read_instant(written)
    except ValueError:
        abort(problem(400, f"`{name}` has to be a time with its zone, such as 2026-11-28T14:00:00Z."))


def _view_of(record: AuditRecord) -> AuditView:
    time = datetime.fromtimestamp(int(record.time), UTC)
    return AuditView(record.id, time, record.who, record.action, record.what)
