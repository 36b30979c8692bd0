"""The drawing of the house: its arrows are the imports."""

import xml.etree.ElementTree as ET
from itertools import chain

from scripts.drawing import DRAWING, draw
from scripts.house import Arrow, ImportGraph, folder_table, label, parts, read_imports, transitive_reduction
from tests.test_floors import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def arrows_in(svg: str) -> set[Arrow]:
    paths = ET.fromstring(svg).iter(f"{SVG}path")
    return {(path.attrib["data-from"], path.attrib["data-to"]) for path in paths if "data-from" in path.attrib}


def test_the_arrows_of_the_drawing_are_the_imports() -> None:
    assert arrows_in(DRAWING.read_text(encoding="utf-8")) == read_imports().drawn(), "`make house` draws it anew"


def test_every_folder_is_drawn() -> None:
    drawn = {text.text for text in ET.parse(DRAWING).iter(f"{SVG}text")}
    named = [row.split("`")[1] for row in folder_table().splitlines()[2:]]

    assert len(named) > 20
    assert {part for name in named for part in name.replace("/", "/ ").split()} <= drawn


def test_the_page_says_what_every_part_is_for() -> None:
    described = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("<!-- made by")[0]

    assert [part for part in chain.from_iterable(parts()) if f"`{label(part)}`" not in described] == []


def test_every_import_is_an_arrow_and_nothing_else_is() -> None:
    between = {("admin_api", "trio_chat.journal"), ("trio_chat.client", "trio_chat.journal")}
    within = {("admin_api.app", "admin_api.http"), ("admin_api.state", "admin_api.http")}

    assert arrows_in(draw(ImportGraph(between=between, within={"admin_api": within}))) == between | within


def test_a_circle_is_drawn_so_that_the_law_of_imports_can_name_it() -> None:
    circle = {("a", "b"), ("b", "a")}

    assert transitive_reduction(circle | {("b", "c")}) >= circle


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert transitive_reduction({("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("x", "d")}) == {
        ("a", "b"),
        ("b", "c"),
        ("c", "d"),
        ("x", "d"),
    }
