"""The last hour over HTTP, for plots."""

import msgspec
from quart import Response

from admin_api.http.answers import answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.series import INTERVAL_S, Sample
from admin_api.state import AdminState
from trio_chat.chat.counters import DisconnectReason


class SampleList(msgspec.Struct, frozen=True):
    """Samples of the last hour, oldest first, one every `interval_s` seconds; and why connections ended in it."""

    interval_s: float
    samples: list[Sample]
    ended: dict[DisconnectReason, int]


@endpoint("GET /series", Operation({200: SampleList}))
async def show_series(state: AdminState) -> Response:
    """Show the last hour: clients, lines and deliveries a second, the delay to the last send, and disconnects."""
    return answer(SampleList(INTERVAL_S, list(state.series.samples), dict(state.series.ended)))
