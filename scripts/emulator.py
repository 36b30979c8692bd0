"""A terminal that keeps what is on it, with every attribute that our client uses, dim text too."""

import pyte
from pyte.screens import Char


class Emulator(pyte.Screen):
    """A screen. Dim text, which pyte does not know, is kept as italics, which our client does not use."""

    def select_graphic_rendition(self, *attributes: int, **flags: bool) -> None:
        """Set the attributes of what is drawn from now on."""
        codes: list[int] = []
        rest = list(attributes)
        while rest:
            code = rest.pop(0)
            if code in (38, 48):  # a colour: its numbers are no attributes
                length = 4 if rest[:1] == [2] else 2
                codes += [code, *rest[:length]]
                del rest[:length]
            else:
                codes += [3] if code == 2 else [22, 23] if code == 22 else [code]
        super().select_graphic_rendition(*codes, **flags)

    def row(self, number: int) -> list[Char]:
        """Return the cells of a row."""
        return [self.buffer[number][column] for column in range(self.columns)]

    @property
    def text(self) -> str:
        """All that is on it, row by row."""
        return "\n".join("".join(cell.data for cell in self.row(number)) for number in range(self.lines))
