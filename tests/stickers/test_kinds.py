"""Each kind of sticker, whatever it is: what a new one has to have."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from trio_chat.chat.text import clean
from trio_chat.stickers import kinds
from trio_chat.stickers.catalogue import listing
from trio_chat.stickers.kinds import KINDS
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.load import default_path, load_catalogue
from trio_chat.stickers.sticker import Drawn, PictureFile, StickerEntry

DRAWINGS: dict[str, tuple[StickerEntry, Drawn]] = {
    "text": (StickerEntry(" (^_^) "), Drawn("(^_^)")),
    "art": (StickerEntry("\n  /\\\n /__\\\n\n"), Drawn("@name", (" /\\", "/__\\"))),
    "image": (
        StickerEntry("cats/grey.png", alt=" a grey cat "),
        Drawn("@name", pictures=(PictureFile("/house", "cats/grey.png", "a grey cat"),)),
    ),
}
"""For each kind, an entry in a file of the folder `/house`, and the drawing of it under the name `name`."""

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

ANYTHING = st.text(max_size=200) | st.text(alphabet="ab \n\t\x1b[31m\u202e四🙂/.", max_size=100)


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
    entry, drawing = DRAWINGS[kind]

    assert KINDS[kind].read(entry, folder="/house").render("name") == drawing


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_the_default_catalogue_describes_each_kind(kind: str) -> None:
    head = default_path().read_text(encoding="utf-8").partition("\n\n")[0]

    assert f"\n# [{kind}] " in head, f"say in a line at the head of stickers.toml: # [{kind}] is ..."


@pytest.mark.parametrize("kind", KINDS)
def test_the_protocol_describes_each_kind(kind: str) -> None:
    section = PROTOCOL.read_text(encoding="utf-8").partition("### StickerInfo\n")[2].partition("\n### ")[0]
    row = next(line for line in section.splitlines() if line.startswith("| `kind` |"))

    assert f"`{kind}`" in row, "describe the kind in the table of StickerInfo, in docs/protocol.md"


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_catalogue_has_stickers_of_each_kind_and_all_are_listed(kind: str) -> None:
    catalogue, warnings = load_catalogue()

    names = [name for name, sticker in catalogue.stickers.items() if isinstance(sticker, KINDS[kind])]

    assert names, f"add a sticker to stickers.toml, under [{kind}]"
    assert warnings == []
    assert {f"@{name}" for name in names} <= set(" ".join(listing(catalogue)).split())


@pytest.mark.parametrize("kind", KINDS)
@given(shows=ANYTHING | st.builds("{}.png".format, ANYTHING), alt=ANYTHING)
def test_a_sticker_of_any_kind_is_refused_or_drawn_harmlessly(kind: str, shows: str, alt: str) -> None:
    with suppress(ValueError):
        drawn = KINDS[kind].read(StickerEntry(shows, alt=alt if kind == "image" else "")).render("name")

        assert drawn.line == clean(drawn.line)
        assert all(row.strip() == clean(row.strip()) for row in drawn.lines)
        assert all(wcswidth(row) >= 0 for row in drawn.lines)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"image"}))
def test_only_a_picture_has_an_alternative_text(kind: str) -> None:
    with pytest.raises(ValueError, match="only an \\[image\\] has an alternative text"):
        KINDS[kind].read(StickerEntry("(^_^)", alt="a face"))


@pytest.mark.parametrize(
    ("shows", "alt", "reason"),
    [
        ("cat.png", "", "expected alt, a text of 1 to 120 characters"),
        ("cat.png", "a\ncat", "expected alt"),
        ("cat.png", "c" * 121, "expected alt"),
        ("cat.svg", "a cat", "a file that ends in .png, .gif"),
        ("/etc/cat.png", "a cat", "the path of a picture below the folder of this file"),
        ("../cat.png", "a cat", "below the folder"),
        ("cats//cat.png", "a cat", "below the folder"),
        ("\x1b]0;cat.png", "a cat", "below the folder"),
        ("c" * 197 + ".png", "a cat", "at most 200 long"),
    ],
)
def test_a_picture_without_a_text_or_outside_the_folder_is_refused(shows: str, alt: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Image.read(StickerEntry(shows, alt=alt))
