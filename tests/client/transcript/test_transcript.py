from datetime import datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import measured
from trio_chat.client.transcript.transcript import (
    NAMES,
    SHOWN_MAX,
    Row,
    Style,
    Transcript,
    is_mention,
    paint,
    timestamp,
)
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.text import Text
from trio_chat.wire.frames import Said

CATALOGUE = Catalogue(MappingProxyType({"smile": Text("🙂"), "ship": Art(("|\\", "|_\\"))}))
TRANSCRIPT = Transcript(CATALOGUE)


def plain(rows: list[Row]) -> str:
    return paint(rows, is_coloured=False)


def style_of_name_in(line: str) -> Style:
    (row,) = TRANSCRIPT.received(line)
    (style,) = {part.style for part in row if part.style in NAMES}
    return style


def test_stickers_are_drawn_in_what_others_say_and_in_what_one_says_oneself() -> None:
    assert plain(TRANSCRIPT.received("[alice]> hello @smile, @nobody")) == "[alice]> hello 🙂, @nobody\n"
    assert plain(TRANSCRIPT.own_line("hello @smile")) == "> hello 🙂\n"


def test_art_stands_below_its_line_where_it_fits() -> None:
    assert plain(TRANSCRIPT.received("[alice]> my @ship")) == "[alice]> my @ship\n    |\\\n    |_\\\n"
    assert plain(TRANSCRIPT.own_line("my @ship")) == "> my @ship\n    |\\\n    |_\\\n"
    assert plain(TRANSCRIPT.received("[alice]> my @ship", columns=6)) == "[alice]> my @ship\n"


def test_c19_a_line_that_no_server_of_ours_sends_is_cut_before_anything_is_done_with_it() -> None:
    line = "\U0001f3f4\U000e0067\U000e0062\U000e007f" * 1_000_000

    with measured() as work:
        shown = [plain(TRANSCRIPT.received(line)), plain(TRANSCRIPT.notice(line)), plain(TRANSCRIPT.plain(line))]

    assert work.usual_s < 0.5  # 3 s each where all of it is cleaned
    assert all(len(row) < SHOWN_MAX + 20 and " …" in row for row in shown)


def test_a_name_keeps_its_colour_however_it_appears() -> None:
    style = style_of_name_in("[alice]> hello")

    assert style_of_name_in("* [alice] waves") == style
    assert style_of_name_in("2026-11-24 08:00 [alice]> hello") == style
    assert len({style_of_name_in(f"[{name}]> hello") for name in ("alice", "bob", "carol", "dave", "eve")}) > 1


@pytest.mark.parametrize("name", ["[[2001:db8::1]:47634]> ", "[1.2.3.4:5]> ", "[alice -> bob]> ", "* [alice] "])
def test_every_kind_of_name_is_told_from_the_text(name: str) -> None:
    ((first, second),) = TRANSCRIPT.received(f"{name}text with [eve]> in it")

    assert (first.text, second.text) == (name, "text with [eve]> in it")
    assert second.style == Style.PLAIN


def test_notices_are_notices_and_nobody_can_speak_like_one() -> None:
    ((notice,),) = TRANSCRIPT.received("*** [alice] left the chat ***")
    ((_, spoken),) = TRANSCRIPT.received("[alice]> *** [bob] left the chat ***")

    assert notice.style == Style.NOTICE
    assert spoken.style == Style.PLAIN


def test_a_stamp_tells_the_minute_and_the_day_only_where_it_is_another() -> None:
    noon = datetime(2026, 11, 26, 12, 5)
    night = noon - timedelta(hours=13)

    assert timestamp(noon.timestamp(), noon.timestamp()).text == "12:05 "
    assert timestamp(night.timestamp(), noon.timestamp()).text == "2026-11-25 23:05 "
    assert timestamp(1e300, noon.timestamp()).text.startswith("2096-")


def test_colours_are_written_only_when_asked_for() -> None:
    rows = TRANSCRIPT.received("*** [alice] left the chat ***")

    assert paint(rows, is_coloured=True) == "\x1b[2m*** [alice] left the chat ***\x1b[0m\n"
    assert paint(rows, is_coloured=False) == "*** [alice] left the chat ***\n"


def test_escape_sequences_of_a_hostile_server_are_cleaned_away() -> None:
    line = "[a\x1b[2J]> \x1b]52;c;aGk=\x07red \x9b31m\u202eevil\rline\x1b"

    assert plain(TRANSCRIPT.received(line)) == "[a]> red evil line\n"
    assert plain(TRANSCRIPT.own_line("\x1b[31mred")) == "> red\n"


@pytest.mark.parametrize(
    ("you", "text", "marked"),
    [
        ("\u5c0f\u660e", "\u5c0f\u660e\u4f60\u597d", "\u5c0f\u660e"),
        ("bob", "\u4f60\u597dBob\u5728\u5417", "Bob"),
        ("Ren\xe9", "and rene?", "rene"),
        ("bob", "kabob, bobby, bob-2", ""),
    ],
)
def test_a_name_calls_with_and_without_spaces_around_it(you: str, text: str, marked: str) -> None:
    entry = Said(id=1, room="lobby", kind="said", time=0.0, author="eve", text=text)

    (row,) = TRANSCRIPT.entry(entry, room="lobby", you=you)

    assert [part.text for part in row if part.style is Style.MENTION] == ([marked] if marked else [])
    assert "".join(part.text for part in row) == f"[eve]> {text}"
    assert is_mention(entry, you) == bool(marked)


def test_words_of_ones_own_call_like_a_name() -> None:
    transcript = Transcript(Catalogue(), words=("deploy", "prod", "プリンタ"))
    entry = Said(id=1, room="lobby", kind="said", time=0.0, author="eve", text="bob: Deploy to prod, redeploy プリンタ")

    (row,) = transcript.entry(entry, room="lobby", you="bob")

    assert [part.text for part in row if part.style is Style.MENTION] == ["bob", "Deploy", "prod", "プリンタ"]
    assert is_mention(entry, "", transcript.words) is False
    assert is_mention(entry, "carol", transcript.words)
    assert not is_mention(entry, "eve", transcript.words)


@given(st.text())
def test_any_input_becomes_one_printable_line_without_drawings(line: str) -> None:
    shown = plain(Transcript(Catalogue()).received(line))

    assert shown.endswith("\n")
    assert not set(map(chr, (*range(32), *range(127, 160)))) & set(shown[:-1])


@pytest.mark.parametrize("piece", ["x", "@ship ", "[", "*** ", "[a -> ", "\x1b[", "e\u0301", "👩\u200d"])
def test_the_longest_lines_do_not_take_long(piece: str) -> None:
    line = (piece * 65536)[:65536]

    with measured() as work:
        TRANSCRIPT.received(line)

    assert work.usual_s < 0.5


def test_the_catalogue_can_be_looked_at() -> None:
    assert plain(TRANSCRIPT.stickers(columns=80)) == "@smile 🙂\nDrawn below the line: @ship\n"
    assert plain(Transcript(Catalogue()).stickers()) == "There are no stickers.\n"
