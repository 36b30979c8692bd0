"""Resources of the server: the amount in use, and the limit of each. Needs no Quart."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec
import trio

from trio_chat.chat.chat import Chat

INTERVAL_S = 10.0
"""Between two measurements."""

Measured = Mapping[str, tuple[int, int | None]]


class ResourceView(msgspec.Struct, frozen=True):
    """The amount of a resource in use. `limit` is the most there can be, null where there is no limit.

    `memory` is what is in memory, `windows` the newest entries of all rooms in it, `files` are files and sockets, and
    `data` is the folder with the history.
    """

    name: Literal["clients", "memory", "windows", "files", "disk", "data"]
    used: int
    limit: int | None
    unit: Literal["bytes", "count"]


class Resources:
    """The resources that the system tells of, measured again and again in a thread: a disk may take its time."""

    def __init__(self, measure: Callable[[], Measured] = dict, interval_s: float = INTERVAL_S) -> None:
        self._measure = measure
        self._interval_s = interval_s
        self.latest: Measured = {}

    async def run(self) -> None:
        """Measure until cancelled, one at a time."""
        while True:
            self.latest = await trio.to_thread.run_sync(self._measure, abandon_on_cancel=True)
            await trio.sleep(self._interval_s)

    def views(self, chat: Chat) -> Iterator[ResourceView]:
        """Yield all of them, those of the chat as they are now."""
        budget, clients = chat.rooms.budget, len(chat.clients) + len(chat.away)
        yield ResourceView("clients", clients, chat.rules.clients or None, "count")
        if "memory" in self.latest:
            yield ResourceView("memory", *self.latest["memory"], "bytes")
        yield ResourceView("windows", budget.used_bytes, budget.limit_bytes, "bytes")
        if "files" in self.latest:
            yield ResourceView("files", *self.latest["files"], "count")
        if "disk" in self.latest:
            yield ResourceView("disk", *self.latest["disk"], "bytes")
        if "data" in self.latest:
            yield ResourceView("data", *self.latest["data"], "bytes")
