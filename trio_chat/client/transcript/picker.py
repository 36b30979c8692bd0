"""The picker of stickers: those that match what is typed, and their places in a grid. Pure.

Drawings are tiles, of the size of a picture, with their names below; texts stand behind each other in columns.
"""

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from trio_chat.client.transcript.row_breaking import cut_with_mark, width_of_text
from trio_chat.stickers.catalogue import Catalogue, is_below
from trio_chat.stickers.sticker import Drawn

TILE_COLUMNS, TILE_ROWS = 16, 8
"""Cells of a picture in a tile, without its name."""

TEXT_COLUMNS = 18
"""Columns of a sticker that is a text, with its name."""

_GAP = 2


class Choice(Struct, frozen=True):
    """A sticker that can be chosen."""

    name: str
    drawn: Drawn

    def label(self, columns: int) -> str:
        """Return the sticker with its name, in so many columns; of a drawing of several rows, the name."""
        if is_below(self.drawn):
            return cut_with_mark(self.name, columns)
        drawing = cut_with_mark(self.drawn.line, max(columns - len(self.name) - 1, 2))
        return cut_with_mark(f"{drawing} {self.name}", columns)

    @property
    def order(self) -> int:
        """Its place among others: pictures first, then texts, then drawings."""
        return 0 if self.drawn.pictures else 2 if self.drawn.below else 1

    @property
    def columns(self) -> int:
        """The columns of its tile."""
        if not is_below(self.drawn):
            return TEXT_COLUMNS
        drawing = TILE_COLUMNS if self.drawn.pictures else max(map(width_of_text, self.drawn.below))
        return max(drawing, len(self.name))

    @property
    def rows(self) -> int:
        """The rows of its drawing, without its name; 0 for a text, which stands beside its name."""
        return TILE_ROWS if self.drawn.pictures else len(self.drawn.below)


class Band(Struct, frozen=True):
    """Choices side by side, each in a tile of so many columns and rows: for each, its index and where it begins."""

    columns: int
    rows: int
    places: tuple[tuple[int, int], ...]


def choices_of(catalogue: Catalogue, typed: str) -> list[Choice]:
    """Return the stickers whose name or alias has what is typed in it: pictures first, then texts, then drawings.

    In each of these, those come first whose name begins with it.
    """
    typed = typed.strip().lstrip("@").lower()
    spellings: dict[str, list[str]] = {name: [name] for name in catalogue.stickers}
    for alias, name in catalogue.aliases.items():
        spellings.setdefault(name, []).append(alias)
    found = [
        Choice(name, sticker.render(name))
        for name, sticker in catalogue.stickers.items()
        if any(typed in spelling for spelling in spellings[name])
    ]
    return sorted(found, key=lambda choice: (choice.order, not choice.name.startswith(typed)))


def grid(choices: Sequence[Choice], columns: int, rows_max: int) -> list[Band]:
    """Put choices side by side in so many columns, those of a kind together; no tile has more than `rows_max` rows."""
    bands: list[Band] = []
    for _, of_a_kind in groupby(enumerate(choices), key=lambda one: one[1].order):
        stretch = list(of_a_kind)
        width = min(max(choice.columns for _, choice in stretch), columns)
        fits = max((columns + _GAP) // (width + _GAP), 1)
        step = (columns + _GAP) // fits
        for start in range(0, len(stretch), fits):
            side_by_side = stretch[start : start + fits]
            rows = max(choice.rows for _, choice in side_by_side)
            places = tuple((index, at * step) for at, (index, _) in enumerate(side_by_side))
            bands.append(Band(width, min(rows + 1, max(rows_max, 1)), places))
    return bands


def step_in(bands: Sequence[Band], chosen: int, *, across: int = 0, down: int = 0) -> int:
    """Return the choice that is so many steps beside or below another one; at the edges, the last there is."""
    order = [index for band in bands for index, _ in band.places]
    if not order:
        return 0
    if across:
        return min(max(chosen + across, 0), len(order) - 1)
    at = next((at for at, band in enumerate(bands) if any(index == chosen for index, _ in band.places)), 0)
    column = next((column for index, column in bands[at].places if index == chosen), 0)
    target = bands[min(max(at + down, 0), len(bands) - 1)]
    return min(target.places, key=lambda place: abs(place[1] - column))[0]


def first_band(bands: Sequence[Band], chosen: int, rows: int) -> int:
    """Return the first band to be shown in so many rows, so that the chosen sticker is seen whole."""
    at = next((at for at, band in enumerate(bands) if any(index == chosen for index, _ in band.places)), 0)
    first, used = at, bands[at].rows if bands else 0
    while first > 0 and used + bands[first - 1].rows <= rows:
        first -= 1
        used += bands[first].rows
    return first
