import pytest

from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import MOMENT_EXAMPLES, Bounds
from trio_chat.chat.search_query import NO_WORD, SearchTerms, found_end, phrases_in, read_search, with_instants

NOW = 1.8e9
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("blue cheese", SearchTerms("", "blue cheese")),
        ("blue from:ann cheese", SearchTerms("", "blue cheese", "ann")),
        ("FROM:Ann", SearchTerms("", "", "Ann")),
        ("from:[ann] x", SearchTerms("", "x", "ann")),
        ("from:@ann x", SearchTerms("", "x", "ann")),
        ("from:172.17.0.4:47634", SearchTerms("", "", "172.17.0.4:47634")),
        ("from：ann", SearchTerms("", "", "ann")),
        ("in:#Dev x in:ops in:dev", SearchTerms("", "x", rooms=("dev", "ops"))),
        ("x before:1970-01-02T00:00Z", SearchTerms("", "x", bounds=Bounds(before_time=DAY_S))),
        ('x after:"1970-01-02 01:00Z"', SearchTerms("", "x", bounds=Bounds(after_time=DAY_S + 3600))),
        ("x before:4711 before:99", SearchTerms("", "x", bounds=Bounds(before=99))),
        (
            'before:9 "a b" in:dev after:3 c from:ann',
            SearchTerms("", '"a b" c', "ann", ("dev",), Bounds(before=9, after=3)),
        ),
        ('"from:ann" x', SearchTerms("", '"from:ann" x')),
        ("\u201cfrom:ann\u201d x", SearchTerms("", '"from:ann" x')),
        ('"in:#dev x', SearchTerms("", '"in:#dev x')),
        ("http://x foo:bar c:\\temp from", SearchTerms("", "http://x foo:bar c:\\temp from")),
        ("xfrom:ann (from:ann)", SearchTerms("", "xfrom:ann (from:ann)")),
    ],
)
def test_filters_stand_anywhere_among_words_and_quotes_protect_them(typed: str, meant: SearchTerms) -> None:
    found = read_search(typed, NOW)

    assert found == SearchTerms(typed, meant.words, meant.author, meant.rooms, meant.bounds)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("x from:", 'say from: with something behind it, as in from:alice; "from:" is a word'),
        ('in:"" x', 'say in: with something behind it, as in in:#lobby; "in:" is a word'),
        ("x before:lunch", f"lunch is no time: expected {MOMENT_EXAMPLES}"),
        ("x in:a/b", "a room's name is made of letters, digits, - and _, and has 1 to 24 of them"),
        ("from:ann from:bob", "say from: once: lines are found by one author, or by anybody"),
        ("after:yesterday", NO_WORD),
        ("in:dev before:7", NO_WORD),
        (" ", NO_WORD),
        ("a " * 129, "a search has at most 256 characters"),
        ('"' * 100_000, "a search has at most 256 characters"),
    ],
)
def test_a_filter_that_means_nothing_is_answered_by_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(ChatError) as refused:
        read_search(typed, NOW)

    assert refused.value.text == sentence


@pytest.mark.parametrize(
    ("words", "phrases"),
    [
        ("Blue  CHEESE blue", ("blue", "cheese")),
        ('"blue cheese" x', ("blue cheese", "x")),
        ('x"blue cheese"', ("x blue", "cheese")),
        ('"blue cheese', ("blue", "cheese")),
        ('"blue"cheese', ("blue", "cheese")),
        ("\u201eblue cheese\u201c", ("blue cheese",)),
        ('"" !? " "', ()),
    ],
)
def test_quotes_hold_the_words_of_a_phrase_together(words: str, phrases: tuple[str, ...]) -> None:
    assert phrases_in(words) == phrases


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("x  from:ann", "x from:ann"),
        ("x before:1970-01-02T00:00Z", "x before:1970-01-02T00:00:00Z"),
        ('after:"1970-01-02 01:00+01:00" "a  b"', 'after:1970-01-02T00:00:00Z "a  b"'),
        ("x before:4711", "x before:4711"),
        ('"before:lunch"', '"before:lunch"'),
    ],
)
def test_times_are_written_so_that_they_mean_the_same_everywhere(typed: str, written: str) -> None:
    assert with_instants(typed, NOW) == written
    assert read_search(written, NOW).bounds == read_search(typed, 0.0).bounds


def test_behind_what_was_found_stands_how_many_and_how_to_go_on() -> None:
    assert found_end("x", 1, None) == "1 line found"
    assert found_end("x", 50, None) == "50 lines found"
    assert found_end("x from:ann", 50, 4711) == "the newest 50 lines; older: /search x from:ann before:4711"
    assert found_end("x before:9 before:8 ", 50, 7) == "the newest 50 lines; older: /search x before:7"
    assert found_end("x before:yesterday", 1, 7) == "the newest 1 line; older: /search x before:yesterday before:7"
    assert "\x1b" not in found_end("\x1b[31mx", 50, 7)
