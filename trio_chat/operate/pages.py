"""Lists of the admin API, read page by page. All raise OperatorError."""

from collections.abc import Iterator

from trio_chat.operate.api import AdminApi, Json, Query

PAGE = 1000
"""Maximum number of items that the API lists at once."""


def read_pages(api: AdminApi, path: str, items: str, query: Query, limit: int | None = None) -> Json:
    """Read a list, up to `limit` of its items. -> the last page, with the items of all"""
    gathered: list[Json] = []
    cursor: str | None = None
    while True:
        left = PAGE if limit is None else min(PAGE, limit - len(gathered))
        page = api.get(path, {**query, "limit": left, "cursor": cursor})
        gathered += page[items]
        cursor = page["next"]
        if not cursor or len(gathered) == limit:
            return {**page, items: gathered}


def read_newest(api: AdminApi, path: str, items: str, query: Query, limit: int) -> Json:
    """Read the newest `limit` items of a list by rising ids, 1 at least. -> the oldest page, with the items of all"""
    gathered: list[Json] = []
    before: int | None = None
    while True:
        page = api.get(path, {**query, "limit": min(PAGE, limit - len(gathered)), "before": before})
        gathered = page[items] + gathered
        before = page["next"]
        if before is None or len(gathered) >= limit:
            return {**page, items: gathered}


def read_after(api: AdminApi, path: str, items: str, after: int) -> Iterator[Json]:
    """Yield the items of a list by rising ids that come after an id, which is 1 at least."""
    cursor: int | None = after
    while cursor is not None:
        page = api.get(path, {"limit": PAGE, "after": cursor})
        yield from page[items]
        cursor = page["next"]
