"""Draw the pictures of the default stickers, in stickers/: `python -m scripts.sticker_pictures`.

They are made for 16 x 8 cells, where a pixel is half a cell: few large forms, strong contrasts, eyes and edges where
the pixels are. Each is drawn on a grid of 16 x 16 units, eight times as large and four times finer than it is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "stickers"

UNITS, PIXELS, FINER = 16, 128, 4
SCALE = PIXELS // UNITS * FINER

Colour = str
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

    def arc(self, box: Sequence[float], degrees: tuple[float, float], colour: Colour, *, width: float = 1) -> None:
        """Draw a part of an ellipse in a box, clockwise from degrees that begin at the right."""
        self._draw.arc(_scaled(*box), *degrees, fill=colour, width=round(width * SCALE))

    def picture(self) -> Image.Image:
        """Return the drawing as it is kept."""
        return self._image.resize((PIXELS, PIXELS), Image.Resampling.BOX)


def _scaled(*box: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (part * SCALE for part in box)
    return left, top, right - 1, bottom - 1


def tea(step: int) -> Canvas:
    """Draw a cup of tea with steam that rises."""
    canvas = Canvas()
    for x, lift in ((4.5, step), (8.5, step + 2)):
        top = 4 - lift % 4
        canvas.line([(x, top + 2), (x + 0.6, top + 1), (x, top)], "#b8c4d6", width=0.9)
    canvas.arc((10, 8, 15, 13), (270, 90), "#d9663f", width=1.2)
    canvas.box(2, 7, 12, 14, "#d9663f", round_by=2.5)
    canvas.box(2, 7, 12, 10, "#d9663f")
    canvas.box(2, 7, 12, 8, "#7a3b1d")
    canvas.box(3, 9, 4, 12, "#f0a284", round_by=0.5)
    canvas.box(1, 14, 13, 15, "#a9bccf", round_by=0.5)
    return canvas


STILL: Mapping[str, Callable[[], Canvas]] = MappingProxyType({})
"""Pictures of one frame."""

MOVING: Mapping[str, tuple[Callable[[int], Canvas], int, int]] = MappingProxyType({"tea": (tea, 4, 250)})
"""Animated ones: the drawing of a step, the number of steps, and milliseconds for each."""


def draw_all(folder: Path) -> None:
    """Draw all pictures into a folder."""
    folder.mkdir(exist_ok=True)
    for name, still in STILL.items():
        still().picture().save(folder / f"{name}.png", optimize=True)
    for name, (moving, steps, duration_ms) in MOVING.items():
        first, *others = (moving(step).picture() for step in range(steps))
        first.save(
            folder / f"{name}.webp", save_all=True, append_images=others, duration=duration_ms, loop=0, lossless=True
        )


if __name__ == "__main__":
    draw_all(FOLDER)
