from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from trio_chat.stickers.catalogue import ARTS_PER_LINE, Catalogue, listing
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.sticker import StickerEntry

CAT = Art((" /\\_/\\", "( o.o )"))
CATALOGUE = Catalogue(
    {"smile": Text("🙂"), "wink": Text("😉"), "ship-it": Text("🚢"), "100": Text("💯"), "cat": CAT},
    {"happy": "smile", "kitty": "cat"},
)


def read(kind: Any, shows: str) -> Any:
    return kind.read(StickerEntry(shows))


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("hello @smile", "hello 🙂"),
        ("@smile!", "🙂!"),
        ("(@wink), @100.", "(😉), 💯."),
        ("@SMILE @Happy", "🙂 🙂"),
        ("@ship-it", "🚢"),
        ("@smile-- @wink_", "🙂-- 😉_"),
        ("...@wink", "...😉"),
        ("@smile @wink@", "🙂 @wink@"),
    ],
)
def test_a_sticker_is_drawn_as_a_whole_word_also_before_punctuation(typed: str, drawn: str) -> None:
    assert CATALOGUE.draw(typed).line == drawn


@pytest.mark.parametrize(
    "typed",
    [
        "me@smile.org",
        "@smiley",
        "@smileé",
        "é@smile",
        "@smile@chat.example",
        "https://chat.example/@smile",
        "@",
        "@-smile",
        "smile",
        "@\u017fmile",
        "@@nobody",
        "@@@smile",
    ],
)
def test_a_word_that_is_no_sticker_stays_as_typed(typed: str) -> None:
    assert CATALOGUE.draw(typed).lines == [typed]


def test_a_doubled_at_sign_speaks_of_a_sticker_without_drawing_it() -> None:
    drawn = CATALOGUE.draw("write @@smile or @@cat to get @smile")

    assert drawn.lines == ["write @smile or @cat to get 🙂"]


def test_an_art_keeps_its_name_in_the_line_and_is_drawn_below_it_indented() -> None:
    drawn = CATALOGUE.draw("look, a @cat! @smile")

    assert drawn.lines == ["look, a @cat! 🙂", "     /\\_/\\", "    ( o.o )"]


def test_an_art_named_twice_is_drawn_once() -> None:
    drawn = CATALOGUE.draw("@cat @kitty @CAT")

    assert drawn.line == "@cat @kitty @CAT"
    assert drawn.below == CAT.rows


def test_a_line_full_of_arts_draws_only_the_first_few() -> None:
    arts = {f"art{number}": Art((f"<{number}>",)) for number in range(50)}

    drawn = Catalogue(arts).draw(" ".join(f"@{name}" for name in arts))

    assert drawn.below == tuple(f"<{number}>" for number in range(ARTS_PER_LINE))


def test_an_art_wider_than_the_terminal_stays_a_name() -> None:
    fits, does_not_fit = (CATALOGUE.draw("@cat", columns=columns) for columns in (11, 10))

    assert fits.below == CAT.rows
    assert does_not_fit.lines == ["@cat"]


@given(st.text(alphabet="@smilecat-_ .é/🙂", max_size=40))
def test_drawing_changes_nothing_but_stickers(typed: str) -> None:
    drawn = Catalogue().draw(typed)

    assert drawn.lines == [typed]


def test_names_are_found_in_any_case_and_aliases_lead_to_the_same_sticker() -> None:
    assert CATALOGUE.find("Kitty") is CATALOGUE.find("CAT") is CAT
    assert CATALOGUE.find("kit") is None


def test_a_merged_catalogue_has_both_and_the_added_one_wins() -> None:
    added = Catalogue({"smile": Text(":-)"), "moon": Text("🌙")}, {"cat": "moon"})

    merged = CATALOGUE.merged(added)

    assert merged.draw("@smile @happy @moon @wink").line == ":-) :-) 🌙 😉"
    assert merged.draw("@cat @kitty").lines == ["🌙 @kitty"]


def test_merging_leaves_both_catalogues_as_they_were() -> None:
    base = Catalogue({"smile": Text("🙂")})

    base.merged(Catalogue({"smile": Text(":-)")}))

    assert base.draw("@smile").line == "🙂"


def test_a_text_is_cleaned_of_what_could_drive_a_terminal() -> None:
    text = read(Text, " \x1b[31mred\x07\u202e ").text

    assert "red" in text
    assert not set("\x1b\x07\u202e") & set(text)


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "x" * 65])
def test_a_text_of_the_wrong_length_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"expected 1 to 64 characters|a text is one line"):
        read(Text, value)


def test_an_art_loses_the_blank_around_it_and_keeps_its_own_indentation() -> None:
    art = read(Art, "\n     /\\  \n    /__\\\n\n     ||\n\n")

    assert art.rows == (" /\\", "/__\\", "", " ||")


def test_an_art_is_cleaned_line_by_line() -> None:
    art = read(Art, "ab\n\tc  d\u202e\x9b\x1b")

    assert art.rows[0] == "ab"
    assert art.rows[1].startswith("        c  d")
    assert not set("\u202e\x9b\x1b\t") & set("".join(art.rows))


@pytest.mark.parametrize("value", ["", "\n \n", "x\n" * 25, "x" * 81, "四" * 41])
def test_an_art_that_is_empty_or_too_large_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read(Art, value)


def test_an_art_at_the_limits_is_taken() -> None:
    assert len(read(Art, f"{'x' * 80}\n" * 24).rows) == 24
    assert read(Art, "四" * 40).rows == ("四" * 40,)


def test_the_listing_shows_texts_side_by_side_and_arts_by_name() -> None:
    lines = listing(CATALOGUE, columns=40)

    assert lines == ["@smile 🙂       @wink 😉", "@ship-it 🚢     @100 💯", "Drawn below the line: @cat"]


@given(st.integers(min_value=30, max_value=200))
def test_the_listing_fits_the_terminal_and_leaves_nothing_out(columns: int) -> None:
    texts = {f"sticker{number}": Text("四" * (number % 8)) for number in range(60)}
    arts = {f"art-{number}": CAT for number in range(60)}

    lines = listing(Catalogue({**texts, **arts}), columns=columns)

    assert max(map(wcswidth, lines)) <= columns
    words = " ".join(lines).split()
    assert {f"@{name}" for name in [*texts, *arts]} <= set(words)


def test_the_listing_of_nothing_is_empty() -> None:
    assert listing(Catalogue()) == []
