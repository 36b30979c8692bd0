"""The table of clients."""

from collections.abc import Sequence

from trio_chat.operate.api import Json
from trio_chat.operate.table import DIM, WARNING, Cell, Column, Row
from trio_chat.operate.values import age_of, show_age

CLIENT_COLUMNS = (
    Column("NICK", may_shrink=True),
    Column("ADDRESS", may_shrink=True),
    Column("PORT", is_number=True),
    Column("ROOMS", may_shrink=True),
    Column("HERE", is_number=True),
    Column("IDLE", is_number=True),
    Column("BEHIND", is_number=True),
    Column("AWAY", is_number=True),
    Column("MODE", may_go=True),
    Column("LINES", is_number=True, may_go=True),
    Column("ID", may_go=True),
)


def client_rows(clients: Sequence[Json]) -> list[Row]:
    """Make the rows of a table of clients."""
    return [_row(client) for client in clients]


def _row(client: Json) -> Row:
    is_away = client["away_s"] is not None
    behind = client["behind"]["entries"]
    return [
        Cell(client["nick"] or "", DIM if is_away else ""),
        client["address"],
        str(client["port"] or ""),
        " ".join(f"#{room}" for room in client["rooms"]),
        age_of(client["connected_at"]),
        show_age(client["idle_s"]),
        Cell(str(behind), WARNING if behind else ""),
        show_age(client["away_s"]),
        mode_of(client),
        str(client["lines_in"]),
        client["id"],
    ]


def mode_of(client: Json) -> str:
    """Return the mode of a client, with its marks `tls` and `muted`."""
    return " ".join((client["mode"], *(mark for mark in ("tls", "muted") if client.get(mark))))
