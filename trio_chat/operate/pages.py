"""Lists of the admin API, read page by page."""

from trio_chat.operate.api import AdminApi, Json, Query

PAGE = 1000
"""Items that the API lists at once, at most."""


def read_pages(api: AdminApi, path: str, items: str, query: Query, limit: int | None = None) -> Json:
    """Read a list, up to `limit` of its items. -> the last page, with the items of all. Raises OperatorError."""
    gathered: list[Json] = []
    cursor: str | None = None
    while True:
        left = PAGE if limit is None else min(PAGE, limit - len(gathered))
        page = api.get(path, {**query, "limit": left, "cursor": cursor})
        gathered += page[items]
        cursor = page["next"]
        if not cursor or len(gathered) == limit:
            return {**page, items: gathered}
