"""Reasons and ends of bans and mutes, as requests give them."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import abort

from admin_api.http.problems import problem
from trio_chat.chat.operators.restrictions import REASON_LIMIT

MINUTES_MAX = 99_999_999
Minutes = Annotated[float, msgspec.Meta(ge=1, le=MINUTES_MAX, multiple_of=1, examples=[90])]
"""A float, since some programs write 90.0."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Reason = Annotated[str, msgspec.Meta(max_length=REASON_LIMIT, examples=["spam"])]

UNTIL_MAX = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason, and an end: `minutes` from now, or `until`; of both, the earlier counts. Without, it is permanent."""

    reason: Reason = ""
    minutes: Minutes | None = None
    until: Instant | None = None

    def end(self, now: float) -> float | None:
        """Return the end, or abort with 422 where it is not in the future."""
        return _end_of(self.minutes, self.until, now)


class ChangedTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another reason, another end, or both. `until` is null for a permanent one; what is not given stays as it is."""

    reason: Reason | UnsetType = UNSET
    minutes: Minutes | UnsetType = UNSET
    until: Instant | UnsetType | None = UNSET

    def reason_after(self, reason: str) -> str:
        """Return the reason in place of an earlier one."""
        return reason if self.reason is UNSET else self.reason

    def end_after(self, until: float | None, now: float) -> float | None:
        """Return the end in place of an earlier one, or abort with 422 where it is not in the future."""
        if self.minutes is UNSET and self.until is UNSET:
            return until
        minutes = None if self.minutes is UNSET else self.minutes
        return _end_of(minutes, None if self.until is UNSET else self.until, now)


def _end_of(minutes: float | None, until: datetime | None, now: float) -> float | None:
    ends = [] if minutes is None else [now + 60 * int(minutes)]
    if until is not None:
        if not now < until.timestamp() < UNTIL_MAX:
            abort(problem(422, "`until` has to be in the future, and before the year 9999."))
        ends.append(until.timestamp())
    return min(ends, default=None)
