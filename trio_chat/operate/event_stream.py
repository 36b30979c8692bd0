"""The stream of live events, resumed after each break of the connection, with a note on stderr."""

import json
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trio_chat.operate.api import AdminApi
from trio_chat.operate.errors import OperatorError
from trio_chat.operate.output import note

RETRY_FIRST_S, RETRY_MAX_S = 0.3, 5.0
"""Between two tries to reach a server again: twice as long each time."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A server-sent event."""

    name: str
    data: dict[str, Any]
    id: str = ""


def read_events(lines: Iterable[bytes]) -> Iterator[ServerEvent]:
    """Read events from the lines of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode(errors="replace").partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
        elif not line:
            if "data" in fields:
                yield ServerEvent(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id", ""))
            fields = {}


class EventFollower:
    """Follows the events of some types, over breaks of the connection and restarts of the server."""

    def __init__(self, api: AdminApi, types: str | None) -> None:
        self._api, self._types = api, types
        self._last_id = ""
        self._was_open = self._is_broken = False

    def follow(self) -> Iterator[ServerEvent | None]:
        """Yield None for each connection that begins, then its events. Raises OperatorError if no first one does."""
        wait_s = RETRY_FIRST_S
        while True:
            error: OperatorError | None = None
            try:
                for event in self._events():
                    if self._is_broken:
                        self._is_broken = False
                        note("-- connected again --")
                    wait_s = RETRY_FIRST_S
                    yield event
            except OperatorError as broken:
                if not (self._was_open and broken.is_transient):
                    raise
                error = broken
            if not self._is_broken:
                self._is_broken = True
                reason = error.message if error else "the server has ended the stream"
                note(f"-- {reason}; trying again until Ctrl-C --")
            time.sleep(wait_s * random.uniform(0.5, 1))
            wait_s = min(2 * wait_s, RETRY_MAX_S)

    def _events(self) -> Iterator[ServerEvent | None]:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        with self._api.lines("/events", {"types": self._types}, headers) as lines:
            self._was_open = True
            yield None
            for event in read_events(lines):
                self._last_id = event.id or self._last_id
                yield event
