import pytest

from tests.work import measured
from trio_chat.chat.search_query import phrases_in
from trio_chat.client.transcript.found import MARKED_CHARS_MAX, mark_found, mark_matches
from trio_chat.client.transcript.rendered import TranscriptItem
from trio_chat.client.transcript.rows import Part, Style
from trio_chat.wire import frames


def item(number: int, text: str, *, room: str = "lobby") -> TranscriptItem:
    rows = [(Part("12:00 ", Style.NOTICE), Part("[al]> ", Style.NAME_1), Part(text)), (Part("drawn al"),)]
    return TranscriptItem(rows, room, number, "said")


def marked(items: list[TranscriptItem]) -> list[list[str]]:
    return [[part.text for row in it.rows for part in row if part.style is Style.MATCH] for it in items]


def whole(it: TranscriptItem) -> str:
    return "".join(part.text for part in it.rows[0])


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("kase", "Der Käse und die Käserei", ["Käse", "Käserei"]),
        ('"blue cheese"', "blue, blue cheese", ["blue cheese"]),
        ("本", "日本語", ["本"]),
        ("ok", "🙂ok", ["ok"]),
        ("c++", "C++ not c", ["C++"]),
        ("x", "nothing", []),
        ("!?", "nothing!?", []),
    ],
)
def test_what_is_marked_is_what_was_found(words: str, text: str, found: list[str]) -> None:
    parts = list(mark_matches(Part(text), phrases_in(words)))

    assert [part.text for part in parts if part.style is Style.MATCH] == found
    assert "".join(part.text for part in parts) == text


def test_only_what_was_said_is_marked_and_filters_are_not_looked_for() -> None:
    search = frames.Search(text="al from:alice before:7 in:#dev")

    [found] = mark_found(search, [item(1, "al says from alice 7")], "lobby")

    assert marked([found]) == [["al", "alice"]]
    assert whole(found) == "12:00 [al]> al says from alice 7"


def test_a_line_of_another_room_names_it() -> None:
    here, there = mark_found(frames.Search(text="hi"), [item(1, "hi"), item(2, "hi", room="dev")], "lobby")

    assert (whole(here), whole(there)) == ("12:00 [al]> hi", "#dev 12:00 [al]> hi")


def test_m11_a_page_of_the_longest_lines_is_marked_as_far_as_that_takes_no_time() -> None:
    long = "日本" * (MARKED_CHARS_MAX // 4)

    with measured() as work:
        found = mark_found(frames.Search(text="日 本"), [item(number, long) for number in range(100)], "lobby")

    assert work.usual_s < 0.5
    assert [bool(it) for it in marked(found)] == [False] * 99 + [True]
    assert all(whole(it).endswith(long) for it in found)


def test_a_search_that_means_nothing_marks_nothing() -> None:
    assert marked(mark_found(frames.Search(text="before:lunch hi"), [item(1, "hi")], "lobby")) == [[]]
