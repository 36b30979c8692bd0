"""Drawings of a terminal: every cell in its place, in the colours that it has."""

import re
import xml.etree.ElementTree as ET

import pyte

from scripts.drawn_recording import Film
from scripts.drawn_terminal import CELL_WIDTH, DARK, draw_row, draw_screen
from scripts.emulator import Emulator


def emulated(text: str, columns: int = 20) -> Emulator:
    emulator = Emulator(columns, 1)
    pyte.Stream(emulator).feed(text)
    return emulator


def elements(text: str, cursor: int = -1) -> list[ET.Element]:
    return list(ET.fromstring(f"<g>{draw_row(emulated(text).row(0), DARK, cursor=cursor)}</g>"))


def test_words_that_are_far_apart_stand_in_their_columns() -> None:
    drawn = elements("a b    c")

    assert [(it.get("x"), it.text) for it in drawn] == [("0", "a b"), (str(7 * CELL_WIDTH), "c")]


def test_a_wide_character_takes_two_columns() -> None:
    assert [(it.get("x"), it.text) for it in elements("漢x")] == [("0", "漢"), (str(2 * CELL_WIDTH), "x")]


def test_dim_bold_underlined_coloured_and_reversed_text() -> None:
    dim, bold, link, line, background, reverse, plain = elements(
        "\x1b[2md\x1b[0m\x1b[1mb\x1b[0m\x1b[4ml\x1b[0m\x1b[7mr\x1b[0m\x1b[31mp"
    )

    assert dim.get("opacity")
    assert (bold.get("font-weight"), bold.get("opacity")) == ("700", None)
    assert (link.text, line.get("stroke")) == ("l", DARK.text)
    assert (background.get("fill"), reverse.get("fill")) == (DARK.text, DARK.background)
    assert plain.get("fill") == DARK.colours[1]


def test_true_colour_is_no_dim_text() -> None:
    (drawn,) = elements("\x1b[38;2;2;3;4mx")

    assert (drawn.get("fill"), drawn.get("opacity")) == ("#020304", None)


def test_lines_and_blocks_are_shapes_that_fill_their_cells() -> None:
    rule, joint, upper = elements("──┴▀")

    assert (rule.tag, rule.get("d"), joint.tag) == ("path", f"M0 9.5h{2 * CELL_WIDTH}", "path")
    assert (upper.tag, upper.get("x"), upper.get("width")) == ("rect", str(3 * CELL_WIDTH), str(CELL_WIDTH))


def test_a_screen_is_one_file_with_title_and_cursor() -> None:
    emulator = emulated("x <&> y")
    drawn = draw_screen([emulator.row(0)], (0, 0), DARK, title="a & b")

    root = ET.fromstring(drawn)
    assert "a & b" in "".join(root.itertext())
    assert f'fill="{DARK.text}" shape-rendering="crispEdges"/><text x="0"' in drawn


def test_a_recording_has_each_part_of_a_row_once_and_shows_it_when_it_was_there() -> None:
    film = Film(20, 1, DARK, seams=[10])
    for at_s, text in ((0.0, "one       two"), (1.0, "three     two"), (3.0, "one       two")):
        film.add(at_s, [emulated(text).row(0)], None)
    drawn = film.draw(4.0, title="a recording")

    assert [drawn.count(f">{text}<") for text in ("one", "two", "three")] == [1, 1, 1]
    steps = re.findall(r"([\d.]+)%\{transform:translateX\((-?\d+)px\)\}", drawn)
    assert steps == [("0", "0"), ("25", str(-10 * CELL_WIDTH)), ("75", "0")]
    ET.fromstring(drawn)
