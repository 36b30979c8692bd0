"""Each kind of sticker, whatever it is: what a new one has to have."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from trio_chat.chat.text import clean
from trio_chat.stickers import kinds
from trio_chat.stickers.catalogue import listing
from trio_chat.stickers.kinds import KINDS
from trio_chat.stickers.load import default_path, load_catalogue
from trio_chat.stickers.sticker import Drawn

DRAWINGS: dict[str, tuple[str, Drawn]] = {
    "text": (" (^_^) ", Drawn("(^_^)")),
    "art": ("\n  /\\\n /__\\\n\n", Drawn("@name", (" /\\", "/__\\"))),
}
"""For each kind, the value of a sticker in a file, and the drawing of it under the name `name`."""


def renderers() -> Iterator[type]:
    """Every class of the folder that renders."""
    for found in pkgutil.iter_modules(kinds.__path__, f"{kinds.__name__}."):
        module = importlib.import_module(found.name)
        for _, defined in inspect.getmembers(module, inspect.isclass):
            if defined.__module__ == found.name and hasattr(defined, "render"):
                yield defined


def test_every_renderer_has_its_row() -> None:
    assert {renderer.__name__ for renderer in renderers()} == {kind.__name__ for kind in KINDS.values()}, (
        "give each its row of KINDS, in kinds/__init__.py"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_sticker_of_each_kind_is_drawn_as_it_should_be(kind: str) -> None:
    assert kind in DRAWINGS, "give the kind a row of DRAWINGS, at the top of this file"
    value, drawing = DRAWINGS[kind]

    assert KINDS[kind].read(value).render("name") == drawing


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_the_default_catalogue_describes_each_kind(kind: str) -> None:
    head = default_path().read_text(encoding="utf-8").partition("\n\n")[0]

    assert f"\n# [{kind}] " in head, f"say in a line at the head of stickers.toml: # [{kind}] is ..."


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_catalogue_has_stickers_of_each_kind_and_all_are_listed(kind: str) -> None:
    catalogue, warnings = load_catalogue()

    names = [name for name, sticker in catalogue.stickers.items() if isinstance(sticker, KINDS[kind])]

    assert names, f"add a sticker to stickers.toml, under [{kind}]"
    assert warnings == []
    assert {f"@{name}" for name in names} <= set(" ".join(listing(catalogue)).split())


@pytest.mark.parametrize("kind", KINDS)
@given(value=st.text(max_size=200) | st.text(alphabet="ab \n\t\x1b[31m\u202e四🙂", max_size=100))
def test_a_sticker_of_any_kind_is_refused_or_drawn_harmlessly(kind: str, value: str) -> None:
    with suppress(ValueError):
        drawn = KINDS[kind].read(value).render("name")

        assert drawn.line == clean(drawn.line)
        assert all(row.strip() == clean(row.strip()) for row in drawn.below)
        assert all(wcswidth(row) >= 0 for row in drawn.lines)
