"""The drawing of the folders and their imports, called the house: `make house` writes docs/house.svg.

A floor is a row of boxes, a box a part of the program, with boxes for its sections inside, and an arrow an import.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import permutations, product

from scripts.house import Arrow, ImportGraph, label, parts, read_imports, transitive_reduction
from tests.test_floors import PURE, ROOT

DRAWING = ROOT / "docs/house.svg"

BOX_WIDTH, BOX_HEIGHT, TITLE, PADDING, LANE, LETTER = 116, 30, 32, 26, 9, 8
SECTION_GAP, PART_GAP, MARGIN, LEGEND = (16, 26), (56, 60), 28, 76
"""Sizes are pixels. Gaps are to the right of a box, and below it."""

LIGHT = {"ground": "#ffffff", "part": "#f2f4f8", "pure": "#dff3e4", "section": "#ffffff", "edge": "#8a94a3"}
LIGHT |= {"ink": "#1d2430", "arrow": "#3f6297"}
DARK = {"ground": "#14181f", "part": "#1e252f", "pure": "#1d4230", "section": "#2b3441", "edge": "#5f6b7c"}
DARK |= {"ink": "#e6ebf2", "arrow": "#8fb4e6"}

COLOURS = """
  .ground {{ fill: {ground} }} .part {{ fill: {part}; stroke: {edge} }} .section {{ fill: {section}; stroke: {edge} }}
  .pure {{ fill: {pure} }} .arrow {{ stroke: {arrow} }} #head path {{ fill: {arrow} }} text {{ fill: {ink} }}
"""

STYLE = f"""
  text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle }}
  .title {{ font-weight: bold }} .arrow {{ fill: none; stroke-width: 1.5; marker-end: url(#head) }}
  .note {{ font: 12.5px system-ui, "DejaVu Sans", sans-serif; text-anchor: start }}
  {COLOURS.format(**LIGHT)}  @media (prefers-color-scheme: dark) {{{COLOURS.format(**DARK)}  }}
"""

NOTES = (
    "An arrow is an import. What follows from others is left out: cli.py imports client/ too.",
    "Pure: no event loop, socket, clock, randomness or file.",
)


@dataclass
class Box:
    """A part or a section. `floors` are the sections inside, `arrows` the imports between them."""

    name: str
    floors: Sequence[Sequence["Box"]] = ()
    arrows: Collection[Arrow] = ()
    gap: tuple[float, float] = SECTION_GAP
    x: float = 0
    y: float = 0

    @cached_property
    def width(self) -> float:
        """The widest of its floors and its padding; or its name."""
        floors = [_width(floor, self.gap[0]) + 2 * PADDING for floor in self.floors]
        return max(BOX_WIDTH, len(label(self.name)) * LETTER + 16, *floors)

    @property
    def middle(self) -> float:
        """Between its left edge and its right one."""
        return self.x + self.width / 2

    @cached_property
    def height(self) -> float:
        """All of its floors, its title and its padding."""
        inner = sum(_height(floor) + self.gap[1] for floor in self.floors) - self.gap[1]
        return TITLE + inner + PADDING / 2 if self.floors else BOX_HEIGHT

    def place(self, x: float, y: float) -> None:
        """Put its upper left corner there, and its sections inside."""
        self.x, self.y = x, y
        top = y + TITLE
        for floor in self.floors:
            left = x + (self.width - _width(floor, self.gap[0])) / 2
            for box in floor:
                box.place(left, top)
                left += box.width + self.gap[0]
            top += _height(floor) + self.gap[1]


def _width(floor: Sequence[Box], gap: float) -> float:
    return sum(box.width + gap for box in floor) - gap


def _height(floor: Sequence[Box]) -> float:
    return max(box.height for box in floor)


def build(graph: ImportGraph) -> Box:
    """Make the boxes, each where it belongs."""
    floors = [[_part(part, graph) for part in floor] for floor in parts()]
    return _arranged(Box("", floors, transitive_reduction(graph.between), PART_GAP))


def _part(part: str, graph: ImportGraph) -> Box:
    floors = [[Box(section) for section in floor] for floor in graph.sections_of(part) if floor != [part]]
    return _arranged(Box(part, floors, transitive_reduction(graph.within.get(part, set()))))


def _arranged(whole: Box) -> Box:
    """Order the boxes of each floor so that arrows are short."""
    arrows = sorted(whole.arrows)

    def length(floors: Sequence[tuple[Sequence[Box], Mapping[str, float]]]) -> float:
        middle = {name: x for _, middles in floors for name, x in middles.items()}
        return sum(abs(middle[a] - middle[b]) for a, b in arrows)

    # The middles are found for each order of a floor, not for each combination of orders: there are 145,000 of these.
    # Where no arrow begins or ends, one order is as good as another.
    ends = {name for arrow in arrows for name in arrow}
    orders = (
        [(order, _middles(order, whole)) for order in (permutations(floor) if _names(floor) & ends else [floor])]
        for floor in whole.floors
    )
    whole.floors = [order for order, _ in min(product(*orders), key=length)]
    return whole


def _names(floor: Sequence[Box]) -> set[str]:
    return {box.name for box in floor}


def _middles(floor: Sequence[Box], whole: Box) -> dict[str, float]:
    """Return where the middle of each box would be, from the left edge of the whole."""
    gap = whole.gap[0]
    left, middles = (whole.width - _width(floor, gap)) / 2, {}
    for box in floor:
        middles[box.name] = left + box.width / 2
        left += box.width + gap
    return middles


def _paths(whole: Box) -> Iterator[str]:
    """Draw the arrows between the boxes of a box, and those inside them."""
    boxes = {box.name: box for floor in whole.floors for box in floor}
    lanes = _lanes(whole, boxes)

    def port(box: Box, arrow: Arrow, end: int) -> float:
        """Return the point on a box at which an arrow begins (end 0) or ends (end 1), ordered from left to right."""
        arrows = [each for each in whole.arrows if each[end] == box.name]
        arrows.sort(key=lambda each: (lanes.get(each, boxes[each[1 - end]].middle), each))
        return box.x + box.width * (arrows.index(arrow) + 1) / (len(arrows) + 1)

    for user, used in sorted(whole.arrows):
        start, end = boxes[user], boxes[used]
        x, y = port(start, (user, used), 0), start.y + start.height
        path = f"M{x:.0f} {y:.0f}"
        y = start.y + _height(next(floor for floor in whole.floors if start in floor))  # past its taller neighbours
        path += f" V{y:.0f}"
        if crossed := _crossed(whole, user, used):
            lane, y_in = lanes[user, used], crossed[0][0].y
            path += _curve(x, y, lane, y_in)
            x, y = lane, crossed[-1][0].y + _height(crossed[-1])
            path += f" V{y:.0f}"
        path += _curve(x, y, port(end, (user, used), 1), end.y - 7)
        yield f'<path class="arrow" data-from="{user}" data-to="{used}" d="{path}"/>'
    for box in boxes.values():
        yield from _paths(box)


def _crossed(whole: Box, user: str, used: str) -> Sequence[Sequence[Box]]:
    """The floors between two boxes."""
    level = {box.name: number for number, floor in enumerate(whole.floors) for box in floor}
    return whole.floors[level[user] + 1 : level[used]]


def _lanes(whole: Box, boxes: Mapping[str, Box]) -> dict[Arrow, float]:
    """The x at which each arrow passes the floors that it crosses: the nearest way between or beside their boxes."""
    ways: dict[float, list[Arrow]] = {}
    for user, used in sorted(whole.arrows, key=lambda arrow: (boxes[arrow[1]].middle, boxes[arrow[0]].middle, arrow)):
        if passed := [box for floor in _crossed(whole, user, used) for box in floor]:
            wanted = (boxes[user].middle + boxes[used].middle) / 2
            # Of two that are as near, the one on the side with fewer arrows.
            way = min(
                _ways_past(passed, whole.gap[0] / 2, wanted),
                key=lambda x: (round(abs(x - wanted)), sum((x > wanted) == (taken > wanted) for taken in ways)),
            )
            ways.setdefault(way, []).append((user, used))
    return {
        arrow: way + LANE * (number - (len(arrows) - 1) / 2)
        for way, arrows in ways.items()
        for number, arrow in enumerate(arrows)
    }


def _ways_past(boxes: Sequence[Box], distance: float, wanted: float) -> list[float]:
    """List where there is a way past all boxes: as wanted, or beside one of them."""
    edges = (edge for box in boxes for edge in (box.x - distance, box.x + box.width + distance))
    near = distance * 0.6
    return [x for x in (wanted, *edges) if not any(box.x - near < x < box.x + box.width + near for box in boxes)]


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (y + to_y) / 2
    return f" C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}"


def _rectangles(box: Box, depth: int = 0) -> Iterator[str]:
    is_pure = any(box.name == name or box.name.startswith(f"{name}.") for name in PURE)
    kind = " pure" if is_pure else ""
    if box.name:
        yield (
            f'<rect class="{"section" if depth > 1 else "part"}{kind}" x="{box.x:.0f}" y="{box.y:.0f}" '
            f'width="{box.width:.0f}" height="{box.height:.0f}" rx="6"/>'
            f'<text class="{"section-name" if depth > 1 else "title"}" x="{box.middle:.0f}" '
            f'y="{box.y + (TITLE if box.floors else BOX_HEIGHT) / 2 + 4:.0f}">{escape(label(box.name))}</text>'
        )
    for inner in (inner for floor in box.floors for inner in floor):
        yield from _rectangles(inner, depth + 1)


def draw(graph: ImportGraph) -> str:
    """Write the drawing as SVG."""
    whole = build(graph)
    whole.place(0, MARGIN - TITLE)
    width, height = whole.width, whole.y + whole.height + LEGEND - MARGIN / 2
    swatch = f'<rect class="section pure" x="{PADDING}" y="{height - LEGEND + 37:.0f}" width="18" height="14" rx="3"/>'
    notes = swatch + "".join(
        f'<text class="note" x="{PADDING + 28}" y="{height - LEGEND + 24 + 24 * number:.0f}">{escape(note)}</text>'
        for number, note in enumerate(NOTES)
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img">',
            "<title>The folders of trio-chat and their imports</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="6" markerHeight="6" '
            'orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
            f'<rect class="ground" width="{width:.0f}" height="{height:.0f}" rx="10"/>',
            *_rectangles(whole),
            *_paths(whole),
            notes,
            "</svg>\n",
        )
    )


if __name__ == "__main__":
    DRAWING.write_text(draw(read_imports()), encoding="utf-8")
