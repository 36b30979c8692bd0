"""Entries of a room: read from the API, and formatted as lines."""

from collections.abc import Iterator

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.text import clean
from trio_chat.operate.api import AdminApi, Json
from trio_chat.operate.pages import read_after, read_newest
from trio_chat.operate.values import seconds_of, show_time
from trio_chat.wire.lines import line_of


def entry_line(entry: Json, *, is_short: bool) -> str:
    """Format an entry with its time, as plain clients see it."""
    return clean(f"{show_time(entry['time'], is_short=is_short)} {_words_of(entry)}".lstrip())


def _words_of(entry: Json) -> str:
    try:
        draft = Draft(entry["room"], Kind(entry["kind"]), entry["author"], entry["text"])
    except ValueError:  # a damaged one, or of a kind that this version does not know
        words = " ".join(
            word for word in (entry["kind"], f"[{entry['author']}]" * bool(entry["author"]), entry["text"]) if word
        )
        return f"*** {words} ***"
    return line_of(Entry(entry["id"], 0, draft))


class RoomHistory:
    """Reads the entries of a room. `path` is that of the room."""

    def __init__(self, api: AdminApi, path: str) -> None:
        self._api, self._path = api, f"{path}/entries"

    def newest(self, count: int) -> list[Json]:
        """Return the newest `count` entries, at least one, oldest first."""
        entries: list[Json] = read_newest(self._api, self._path, "entries", {}, count)["entries"]
        return entries

    def after(self, entry_id: int) -> Iterator[Json]:
        """Yield all entries after an id; after 0, all that there are."""
        if entry_id == 0:
            yield from self._first()
        yield from read_after(self._api, self._path, "entries", max(1, entry_id))

    def _first(self) -> Iterator[Json]:
        page = self._api.get(self._path, {"limit": 1, "before": 2})
        yield from page["entries"]

    def last_before(self, written: str) -> int:
        """Return the id of the last entry before a time of the API, or 0. By bisection: ids rise with time."""
        instant = seconds_of(written)
        newest = self.newest(1)
        low, high = 0, newest[-1]["id"] if newest else 0
        while low < high:
            middle = (low + high) // 2
            following = self._following(middle)
            if following is None or following["time"] is None or seconds_of(following["time"]) >= instant:
                high = middle
            else:
                low = following["id"]
        return low

    def _following(self, entry_id: int) -> Json | None:
        if entry_id == 0 and (first := next(self._first(), None)):
            return first
        page = self._api.get(self._path, {"limit": 1, "after": max(1, entry_id)})
        return page["entries"][0] if page["entries"] else None
