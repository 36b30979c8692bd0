import time
from types import MappingProxyType
from typing import Any

import pytest

from tests.work import measured
from trio_chat.chat.events import MARK
from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.room_window import Item, Line, RoomWindow
from trio_chat.client.transcript.row_breaking import row_width
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.text import Text
from trio_chat.wire import frames

WHEN = time.mktime((2026, 11, 28, 15, 3, 0, 0, 0, -1))
DAY_S = 86_400.0


def entry(text: str, **fields: Any) -> frames.Said:
    fields = {"id": 1, "kind": "said", "author": "mei", "time": WHEN} | fields
    return frames.Said(room="lobby", text=text, **fields)


@pytest.fixture
def layout() -> LineLayout:
    stickers = {"smile": Text("🙂"), "boat": Art(("|\\", "|_\\"))}
    layout = LineLayout(Transcript(Catalogue(MappingProxyType(stickers))))
    layout.label = "bob"
    return layout


def lines(rows: list[Row]) -> list[str]:
    return ["".join(part.text for part in row).rstrip() for row in rows]


def laid_out(layout: LineLayout, said: frames.Said, columns: int = 44, *, before: Item | None = None) -> Any:
    return layout.rows(Line(said.id, said.time, entry=said), before, Columns(columns))


def test_text_is_wrapped_behind_the_name(layout: LineLayout) -> None:
    rows = laid_out(layout, entry("bob: can you look at it? it takes nothing @smile", account="c"))

    assert lines(rows) == [
        f"15:03 mei{MARK}     bob: can you look at it? it",
        "               takes nothing 🙂",
    ]


def test_a_pane_that_is_too_narrow_for_times_has_none(layout: LineLayout) -> None:
    assert lines(laid_out(layout, entry("hello there my friend"), 24)) == ["mei      hello there my", "         friend"]


def test_a_long_name_is_cut_and_an_action_bears_a_star(layout: LineLayout) -> None:
    assert lines(laid_out(layout, entry("hi", author="a" * 24))) == ["15:03 aaaaaaa… hi"]
    assert lines(laid_out(layout, entry("waves", kind="acted"))) == ["15:03 * mei    waves"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "joined"}, "mei joined the chat"),
        ({"kind": "kicked"}, "mei was kicked"),
        ({"kind": "renamed", "text": "meimei"}, "mei is now meimei"),
        ({"kind": "topic", "text": "[x] *** y"}, "mei set the topic: [x] *** y"),
        ({"kind": "of a later server", "text": "something"}, "something"),
    ],
)
def test_notices_are_sentences_without_stars(layout: LineLayout, fields: dict[str, Any], sentence: str) -> None:
    said = entry(**{"text": ""} | fields)
    window = RoomWindow()
    window.add(frames.Said(**{name: getattr(said, name) for name in said.__struct_fields__} | {"room": "lobby"}))

    assert lines(layout.rows(window.items[0], None, Columns(60))) == [f"15:03 {sentence}"]


def test_a_new_day_has_a_line(layout: LineLayout) -> None:
    before = Line(0, WHEN - DAY_S, entry=entry("yesterday"))

    first, _ = lines(laid_out(layout, entry("today"), before=before))

    assert "Saturday, 28 November 2026" in first
    assert row_width(laid_out(layout, entry("today"), before=before)[0]) == 44


def test_a_mention_a_link_what_was_searched_for_and_a_drawing_are_marked(layout: LineLayout) -> None:
    layout.phrases = ("takes",)
    rows = laid_out(layout, entry("bob: https://a.org/x takes @boat"), 80)

    assert Part("bob", Style.MENTION) in rows[0]
    assert Part("https://a.org/x", Style.LINK, "https://a.org/x") in rows[0]
    assert Part("takes", Style.MATCH) in rows[0]
    assert lines(rows)[1:] == [" " * 19 + line for line in ("    |\\", "    |_\\")]


def test_our_lines_that_are_not_kept_say_so_at_the_right(layout: LineLayout) -> None:
    message = frames.Say(room="lobby", lines=["one", "two"])

    rows = layout.waiting(message, Columns(44), state="not kept yet", style=Style.WAITING)

    assert lines(rows) == ["      bob      one", f"      bob      two{'not kept yet':>26}"]


def test_no_escape_sequence_is_laid_out(layout: LineLayout) -> None:
    evil = "\x1b]0;evil\x07\x1b[31m\x9b31m\u202edlrow"
    said = entry(evil, author=evil, account=evil)
    shown = "".join(
        line
        for item in (said, entry(evil, kind="joined", author=evil), entry(evil, kind="topic", author=evil))
        for line in lines(laid_out(layout, item))
    )

    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


@pytest.mark.parametrize("text", ["me " + "漢" * 9000, "👨‍👩‍👧‍👦" * 1200, "word me " * 1100, "שלום " * 1800])
def test_the_longest_line_is_laid_out_once_and_holds_nobody(layout: LineLayout, text: str) -> None:
    layout.label, layout.phrases = "me", ("word",)
    window = RoomWindow()
    window.add(entry(text))
    layout.rows(window.items[0], None, Columns(80))  # which imports what it needs
    spent = []
    for columns in (79, 78, 77):
        with measured() as work:
            layout.rows(window.items[0], None, Columns(columns))
        spent.append(work.usual_s)

    assert min(spent) < 0.05
    assert layout.rows(window.items[0], None, Columns(77)) is layout.rows(window.items[0], None, Columns(77))


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.org/x.", ["https://a.org/x"]),
        ("(https://a.org/x), http://b.org?", ["https://a.org/x", "http://b.org"]),
        ("https://a.org/x_(y)", ["https://a.org/x_(y)"]),
        ("<https://a.org> ftp://c.org", ["https://a.org"]),
    ],
)
def test_an_address_ends_before_the_punctuation_of_its_sentence(
    layout: LineLayout, text: str, links: list[str]
) -> None:
    (row,) = laid_out(layout, entry(text), 80)

    assert [part.link for part in row if part.link] == links


def test_all_pieces_of_a_wrapped_address_lead_to_it(layout: LineLayout) -> None:
    address = "https://example.org/" + "long/" * 12

    rows = laid_out(layout, entry(address), 44)

    assert len(rows) > 2
    assert {part.link for row in rows for part in row if part.style is Style.LINK} == {address}
