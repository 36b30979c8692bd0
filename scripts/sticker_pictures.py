"""Draw the pictures of the default stickers, in stickers/: `python -m scripts.sticker_pictures`.

They are made for 16 x 8 cells, where a pixel is half a cell: few large forms, strong contrasts, eyes and edges where
the pixels are. Each is drawn on a grid of 16 x 16 units, eight times as large and four times finer than it is kept.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "stickers"

UNITS, PIXELS, FINER = 16, 128, 4
SCALE = PIXELS // UNITS * FINER

Colour = str
CLEAR = "#00000000"
Point = tuple[float, float]


class Canvas:
    """A drawing on a grid of 16 x 16 units, whose origin is at the upper left."""

    def __init__(self) -> None:
        self._image = Image.new("RGBA", (PIXELS * FINER, PIXELS * FINER))
        self._draw = ImageDraw.Draw(self._image)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Draw an ellipse that fills a box."""
        self._draw.ellipse(_scaled(left, top, right, bottom), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, round_by: float = 0) -> None:
        """Draw a rectangle, with round corners."""
        self._draw.rounded_rectangle(_scaled(left, top, right, bottom), radius=round(round_by * SCALE), fill=colour)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """Draw a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, *, width: float = 1) -> None:
        """Draw a line with round ends and corners."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in (points[0], points[-1]):
            self.oval(x - width / 2, y - width / 2, x + width / 2, y + width / 2, colour)

    def picture(self) -> Image.Image:
        """Return the drawing as it is kept."""
        return self._image.resize((PIXELS, PIXELS), Image.Resampling.BOX)


def _scaled(*box: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (part * SCALE for part in box)
    return left, top, right - 1, bottom - 1


def tea(step: int) -> Canvas:
    """Draw a cup of tea with steam that rises."""
    canvas = Canvas()
    for x, lift in ((4, step), (8, step + 2)):
        top = 4 - lift % 4
        canvas.box(x, top, x + 1, top + 1, "#c4cfdf")
        canvas.box(x + 1, top + 1, x + 2, top + 2, "#c4cfdf")
        canvas.box(x, top + 2, x + 1, top + 3, "#93a1b8")
    canvas.box(10, 8, 15, 13, "#c9502e", round_by=1.4)
    canvas.box(12, 9, 14, 12, CLEAR)
    canvas.box(2, 7, 12, 14, "#e06d42", round_by=2.5)
    canvas.box(2, 7, 12, 10, "#e06d42")
    canvas.box(2, 7, 12, 8, "#8a4a22")
    canvas.box(3, 9, 4, 12, "#f6b094")
    canvas.box(1, 14, 14, 15, "#93a1b8", round_by=0.4)
    return canvas


def fox() -> Canvas:
    """Draw the face of a fox."""
    canvas = Canvas()
    for mirror in (False, True):
        side = _mirrored if mirror else list
        canvas.shape(side([(1, 1), (1, 9), (7, 5)]), "#e8762b")
        canvas.shape(side([(2, 3.4), (2, 6), (4.6, 5)]), "#5a2d1a")
    canvas.shape([(1, 8), (4, 4), (12, 4), (15, 8), (8, 15.6)], "#e8762b")
    canvas.shape([(1, 8), (5, 9), (8, 12), (8, 15.6)], "#fbe3c8")
    canvas.shape([(15, 8), (11, 9), (8, 12), (8, 15.6)], "#fbe3c8")
    canvas.box(4, 7, 6, 9, "#2a1712")
    canvas.box(10, 7, 12, 9, "#2a1712")
    canvas.box(4, 7, 5, 8, "#ffffff")
    canvas.box(10, 7, 11, 8, "#ffffff")
    canvas.box(7, 13, 9, 15, "#2a1712", round_by=0.6)
    return canvas


def owl(step: int) -> Canvas:
    """Draw an owl, which winks."""
    canvas = Canvas()
    canvas.shape([(2, 0), (2, 6), (8, 5)], "#7a5236")
    canvas.shape([(14, 0), (14, 6), (8, 5)], "#7a5236")
    canvas.box(2, 3, 14, 15, "#7a5236", round_by=4.5)
    canvas.box(5, 9, 11, 14, "#d9b48a", round_by=2)
    for x, y in ((6, 11), (8, 11), (7, 12), (9, 12), (6, 13), (8, 13)):
        canvas.box(x, y, x + 1, y + 1, "#a87f57")
    for left, is_shut in ((2, False), (9, step == 1)):
        canvas.oval(left, 4, left + 5, 9, "#f7e6c4")
        if is_shut:
            canvas.box(left + 1, 6, left + 4, 7, "#3a2618")
        else:
            canvas.box(left + 1, 5, left + 4, 8, "#f2a71b", round_by=0.8)
            canvas.box(left + 2, 6, left + 3, 7, "#1c130d")
    canvas.shape([(7, 7), (9, 7), (8, 10)], "#e8762b")
    canvas.box(5, 15, 7, 16, "#e8a13c")
    canvas.box(9, 15, 11, 16, "#e8a13c")
    canvas.box(2, 9, 4, 14, "#5d3d27", round_by=1)
    canvas.box(12, 9, 14, 14, "#5d3d27", round_by=1)
    return canvas


def duck() -> Canvas:
    """Draw a rubber duck on water."""
    canvas = Canvas()
    canvas.oval(1, 7, 15, 15, "#f7c325")
    canvas.shape([(12, 7.5), (15.5, 6), (15, 11)], "#f7c325")
    canvas.oval(2, 1, 10, 9, "#ffd84a")
    canvas.box(0, 5, 3, 6, "#f2802b")
    canvas.box(0, 6, 4, 7, "#d9601b")
    canvas.box(4, 3, 6, 5, "#2a1f12")
    canvas.box(4, 3, 5, 4, "#ffffff")
    canvas.oval(6, 9, 13, 13, "#e0a51a")
    canvas.box(0, 13, 16, 16, "#3f9bd8")
    for x in (0, 4, 8, 12):
        canvas.box(x, 13, x + 2, 14, "#a9dbf7")
    canvas.box(2, 15, 5, 16, "#2f7fb8")
    canvas.box(9, 15, 13, 16, "#2f7fb8")
    return canvas


def frog() -> Canvas:
    """Draw a frog that smiles."""
    canvas = Canvas()
    for left in (1, 9):
        canvas.oval(left, 1, left + 6, 7, "#5cb338")
    canvas.box(0, 5, 16, 15, "#5cb338", round_by=4.8)
    canvas.box(2, 11, 14, 15, "#a4d96c", round_by=2)
    for left in (1, 9):
        canvas.oval(left + 1, 2, left + 5, 6, "#ffffff")
        canvas.box(left + 2, 3, left + 4, 5, "#16240f")
    canvas.box(3, 10, 13, 11, "#22471a")
    canvas.box(2, 9, 3, 10, "#22471a")
    canvas.box(13, 9, 14, 10, "#22471a")
    canvas.box(1, 10, 2, 12, "#f08a8a")
    canvas.box(14, 10, 15, 12, "#f08a8a")
    canvas.box(6, 7, 7, 8, "#3c8a25")
    canvas.box(9, 7, 10, 8, "#3c8a25")
    return canvas


def octopus(step: int) -> Canvas:
    """Draw an octopus whose arms wave."""
    canvas = Canvas()
    for number, x in enumerate((1, 4, 7, 10, 13)):
        foot = 14 + (number + step) % 2
        canvas.box(x, 9, x + 2, foot + 1, "#a34bb8", round_by=0.8)
        canvas.box(x - 1 if number < 2 else x + (1 if number > 2 else 0), foot, x + 2, foot + 1, "#a34bb8")
    canvas.oval(2, 0, 14, 13, "#c66bd6")
    canvas.box(2, 7, 14, 11, "#c66bd6")
    canvas.box(5, 2, 8, 3, "#e6a9ee", round_by=0.5)
    for left in (4, 9):
        canvas.box(left, 5, left + 3, 9, "#ffffff", round_by=1)
        canvas.box(left + 1, 6, left + 3, 8, "#2b1436")
    canvas.box(7, 10, 9, 11, "#6d2a80")
    return canvas


def cactus() -> Canvas:
    """Draw a cactus in a pot, in flower."""
    canvas = Canvas()
    canvas.box(1, 4, 3, 9, "#3f9a55", round_by=1)
    canvas.box(1, 7, 6, 9, "#3f9a55", round_by=1)
    canvas.box(13, 3, 15, 8, "#3f9a55", round_by=1)
    canvas.box(10, 6, 15, 8, "#3f9a55", round_by=1)
    canvas.box(5, 1, 11, 13, "#4fb368", round_by=2.6)
    for x, y in ((6, 4), (9, 4), (7, 6), (9, 8), (6, 8), (7, 10), (2, 5), (13, 4)):
        canvas.box(x, y, x + 1, y + 1, "#d5f2b8")
    canvas.box(7, 0, 9, 2, "#f2609a")
    canvas.box(6, 1, 10, 2, "#f2609a")
    canvas.box(3, 11, 13, 13, "#d96c3f")
    canvas.shape([(4, 13), (12, 13), (11, 16), (5, 16)], "#b8532b")
    return canvas


def mushroom() -> Canvas:
    """Draw a red mushroom with white dots."""
    canvas = Canvas()
    canvas.box(5, 8, 11, 15, "#f5e6cf", round_by=1.5)
    canvas.box(9, 9, 11, 14, "#d9c3a2")
    canvas.oval(0, 1, 16, 17, "#d93636")
    canvas.box(0, 10, 16, 17, CLEAR)
    canvas.box(5, 10, 11, 15, "#f5e6cf", round_by=1)
    canvas.box(9, 10, 11, 14, "#dcc7a8")
    canvas.box(2, 9, 14, 10, "#a82424")
    for left, top, size in ((3, 5, 2), (7, 2, 3), (11, 6, 2), (6, 7, 2), (1, 8, 1), (12, 3, 1)):
        canvas.box(left, top, left + size, top + size, "#ffffff", round_by=size / 4)
    canvas.box(1, 15, 15, 16, "#5cb338", round_by=0.4)
    return canvas


def campfire(step: int) -> Canvas:
    """Draw a fire that flickers."""
    canvas = Canvas()
    lean = (0, 1, 0, -1)[step]
    canvas.shape([(8 + lean, 0), (13, 7), (13, 11), (10, 13), (6, 13), (3, 11), (3, 8), (5, 5)], "#e8452b")
    canvas.shape([(8 - lean, 4), (11, 9), (11, 11), (9, 13), (7, 13), (5, 11), (5, 9)], "#f79a2b")
    canvas.shape([(8 + lean, 8), (10, 11), (9, 13), (7, 13), (6, 11)], "#ffe36b")
    canvas.line([(2, 15), (14, 12)], "#6b4226", width=1.5)
    canvas.line([(2, 12), (14, 15)], "#8a5a36", width=1.5)
    for x, y in ((3, 3), (12, 2), (13, 5), (2, 6))[step % 2 :: 2]:
        canvas.box(x, y, x + 1, y + 1, "#ffc14d")
    return canvas


def planet() -> Canvas:
    """Draw a planet with a ring, among stars."""
    canvas = Canvas()
    for x, y in ((1, 2), (13, 1), (14, 13), (3, 14), (0, 7)):
        canvas.box(x, y, x + 1, y + 1, "#e8b84a")
    ring = [_on_ring(2 * math.pi * step / 40) for step in range(41)]
    canvas.line(ring, "#9a6cc4")
    canvas.oval(3, 3, 13, 13, "#f0a44b")
    canvas.box(4, 5, 12, 6, "#f7c886")
    canvas.box(3, 8, 13, 9, "#d97f36")
    canvas.box(5, 11, 11, 12, "#d97f36")
    canvas.oval(5, 5, 7, 7, "#fbe0b0")
    canvas.line(ring[:21], "#c79be8", width=1.1)
    return canvas


def _on_ring(angle: float) -> Point:
    """Return a point of the ring of the planet, by its angle: the first half is in front."""
    x, y, tilt = 7.6 * math.cos(angle), 2.6 * math.sin(angle), -0.42
    return 8 + x * math.cos(tilt) - y * math.sin(tilt), 8 + x * math.sin(tilt) + y * math.cos(tilt)


def ufo(step: int) -> Canvas:
    """Draw a flying saucer whose lights run round."""
    canvas = Canvas()
    canvas.shape([(5, 9), (11, 9), (14, 16), (2, 16)], "#e9f58a66" if step % 2 else "#d8e86a88")
    canvas.oval(4, 1, 12, 10, "#8fd8f2")
    canvas.box(5, 3, 7, 4, "#e6f8ff")
    canvas.box(6, 4, 10, 7, "#6cc644", round_by=1)
    canvas.box(6, 5, 7, 6, "#173010")
    canvas.box(9, 5, 10, 6, "#173010")
    canvas.box(0, 7, 16, 11, "#9aa5b8", round_by=2)
    canvas.box(2, 10, 14, 11, "#6c778a")
    for number, x in enumerate((2, 5, 8, 11)):
        colour = "#ffd84a" if (number + step) % 2 else "#e8452b"
        canvas.box(x, 8, x + 2, 9, colour)
    return canvas


def lighthouse(step: int) -> Canvas:
    """Draw a lighthouse whose light goes round."""
    canvas = Canvas()
    if step == 0:
        canvas.shape([(6, 3), (0, 1), (0, 6), (6, 4)], "#ffe98a")
    elif step == 2:
        canvas.shape([(10, 3), (16, 1), (16, 6), (10, 4)], "#ffe98a")
    canvas.shape([(6, 5), (10, 5), (11, 14), (5, 14)], "#f4f4f0")
    canvas.shape([(5.8, 7), (10.2, 7), (10.4, 9), (5.6, 9)], "#d93636")
    canvas.shape([(5.3, 11), (10.7, 11), (11, 13), (5, 13)], "#d93636")
    canvas.box(6, 2, 10, 5, "#ffd84a" if step != 3 else "#c9a227")
    canvas.box(7, 3, 9, 4, "#ffffff" if step == 1 else "#ffe98a")
    canvas.shape([(5, 2), (11, 2), (8, -0.4)], "#3c4a63")
    canvas.box(5, 5, 11, 6, "#3c4a63")
    canvas.box(0, 14, 16, 16, "#3f7fb8")
    canvas.box(3, 13, 13, 15, "#6b6f78", round_by=1)
    canvas.box(1, 15, 4, 16, "#8fc1e8")
    canvas.box(11, 15, 15, 16, "#8fc1e8")
    return canvas


def _mirrored(points: Sequence[Point]) -> list[Point]:
    return [(UNITS - x, y) for x, y in points]


STILL: Mapping[str, Callable[[], Canvas]] = MappingProxyType(
    {"cactus": cactus, "duck": duck, "fox": fox, "frog": frog, "mushroom": mushroom, "planet": planet}
)
"""Pictures of one frame."""

MOVING: Mapping[str, tuple[Callable[[int], Canvas], Sequence[int]]] = MappingProxyType(
    {
        "campfire": (campfire, (150,) * 4),
        "lighthouse": (lighthouse, (500,) * 4),
        "octopus": (octopus, (400,) * 2),
        "owl": (owl, (1200, 300)),
        "tea": (tea, (300,) * 4),
        "ufo": (ufo, (300,) * 2),
    }
)
"""Animated ones: the drawing of a step, and the milliseconds of each."""


def draw_all(folder: Path) -> None:
    """Draw all pictures into a folder."""
    folder.mkdir(exist_ok=True)
    for name, still in STILL.items():
        still().picture().save(folder / f"{name}.png", optimize=True)
    for name, (moving, durations_ms) in MOVING.items():
        first, *others = (moving(step).picture() for step in range(len(durations_ms)))
        frames = {"append_images": others, "duration": list(durations_ms)}
        first.save(folder / f"{name}.webp", save_all=True, loop=0, lossless=True, **frames)


if __name__ == "__main__":
    draw_all(FOLDER)
