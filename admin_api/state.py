"""What the admin app shows and changes. Needs no Quart, so the app puts it together before that is imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from admin_api.event_log import EventLog
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.operators.operator import Operator
from trio_chat.journal import Journal


@dataclass(frozen=True, slots=True)
class AdminState:
    """A running server, from the operator's side.

    `refused` counts connections that were not let in, by reason; `delays` is how late the event loop was.
    """

    operator: Operator
    journal: Journal
    events: EventLog
    refused: Mapping[str, int] = field(default_factory=dict)
    delays: Histogram = field(default_factory=lambda: Histogram(()))
