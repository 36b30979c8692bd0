"""The words of a text, and finding them: in every script, beside every sign."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import measured
from trio_chat.chat.folding import FOLDED_MAX, Alignment, fold
from trio_chat.chat.text import TEXT_MAX
from trio_chat.chat.words import WORD_MAX, calls, holds, matches, phrase, words

ALPHABET = (
    "ab Zß9.+#-_/@'"
    "éÉøĲйиЁѓґΆάςאָّבعُیي\u200cहिक्षমা"
    "服务器が\u3099か\u309aｶﾞカー。、ไม่ซิໄມ່မြန်ខ្មែរ한국ㅎㅏ\u1112\u1161"
    "１①ﷺ½٣๑🙂👍🏽👩\u200d💻❤\ufe0f\U0001fae8\U0001fbff\u0378\u2e5e→€‘…"
)
LINES = st.text(st.one_of(st.sampled_from(ALPHABET), st.characters()), max_size=40)


def found_in(text: str, *queries: str) -> bool:
    phrases = [phrase(query) for query in queries]
    return all(phrases) and holds(text, phrases)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("昨晚服务器重启了", "服务器"),
        ("昨晚服务器重启了", "昨晚"),
        ("昨晚服务器重启了", "了"),
        ("昨晚服务器重启了", "器"),
        ("重跑gen-itgc后完成", "gen-itgc"),
        ("重跑gen-itgc后完成", "itgc后完"),
        ("テストサーバーが落ちました", "サーバー"),
        ("テストサーバーが落ちました", "ｻｰﾊﾞｰ"),
        ("ไม่พบเซิร์ฟเวอร์", "เซิร์ฟเวอร์"),
        ("ບໍ່ພົບເຊີບເວີ", "ເຊີບເວີ"),
        ("ឆ្លងកាត់ម៉ាស៊ីនមេ", "ម៉ាស៊ីនមេ"),
        ("ဆာဗာကိုပြန်ဖွင့်ပါ", "ပြန်ဖွင့်"),
        ("웹서버가 다운됐어요", "서버"),
        ("東京tokyo", "tokyo"),
        ("tokyo東京", "東京"),
        ("東京tokyo", "東京tokyo"),
        ("🙂ok", "ok"),
        ("ok🙂", "🙂"),
        ("\U0001fae8ok", "ok"),  # of Unicode 15
        ("ok\U0001fbff", "\U0001fbff"),  # of no Unicode yet
        ("👍🏽 done", "👍"),
        ("❤\ufe0f", "❤"),
        ("C++ and Go", "c++"),
        ("C++11", "C++"),
        ("I like C++", "c"),
        ("C#", "c#"),
        ("用C#写", "c#"),
        ("ASP.NET", ".net"),
        (".env is missing", ".env"),
        ("release v1.2.3 is out", "1.2.3"),
        ("1.2.3", "1.2.3"),
        ("python3.11", "3.11"),
        ("1.2.3-rc1", "rc1"),
        ("web01 is down", "web"),
        ("web01 is down", "web0"),
        ("web01 is down", "01"),
        ("10ms", "ms"),
        ("see #123", "#123"),
        ("see #123", "123"),
        ("PR#123", "pr"),
        ("see #123", "12"),
        ("bob@example.com", "example.com"),
        ("bob@example.com", "bob@example"),
        ("/var/log/nginx.log", "nginx.log"),
        ("/var/log/nginx.log", "/var/log"),
        ("foo_bar", "bar"),
        ("foo_bar", "foo_bar"),
        ("https://example.com/a?b=c", "example.com/a"),
        ("10.0.0.12", "10.0.0.12"),
        ("3f9a2bc81e0d", "3f9a2b"),
        ("550e8400-e29b-41d4", "e29b"),
        ("Straße", "STRASSE"),
        ("STRASSE", "straße"),
        ("Grüße", "gruss"),
        ("Søren Łukasz", "soren"),
        ("Ёлка", "елка"),
        ("за\u0301мок", "замок"),
        ("Άνθρωπος", "ανθρωποσ"),
        ("İstanbul", "istanbul"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("می\u200cخواهم", "میخواهم"),
        ("हिन्दी में", "हिन्दी"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full"),
        ("٣ سيرفر", "3"),
        ("п'ять", "п\u02bcять"),
        ("€5", "€5"),
        ("a→b", "→"),
        ("ㅋㅋㅋ", "ㅋㅋ"),
        ("한국", "\u1112\u1161\u11ab"),
        ("x" * WORD_MAX * 2, "x" * (WORD_MAX + 5)),
    ],
)
def test_a_search_finds_its_words(text: str, query: str) -> None:
    assert found_in(text, query)
    assert matches(text, [phrase(query)])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("か", "が"),
        ("が", "か"),
        ("\u304b\u3099", "か"),
        ("は", "ぱ"),
        ("カ", "ガ"),
        ("и", "й"),
        ("й", "и"),
        ("п", "Р"),
        ("plan c", "c++"),
        ("plan c", "c#"),
        ("c# only", "c++"),
        ("the net is down", ".net"),
        ("11.2.3", "1.2.3"),
        ("v1.2.4", "1.2.3"),
        ("服器务", "服务器"),
        ("东京 服务", "京服"),
        ("হি", "ি"),
        ("deploy", "eploy"),
        ("हिन्दी", "दी"),
        ("🙂", "🙁"),
    ],
)
def test_other_words_are_not_found(text: str, query: str) -> None:
    assert not found_in(text, query)
    assert not matches(text, [phrase(query)])


@pytest.mark.parametrize("nothing", ["", " ", "!?", "...", "\u3002\u2026", "\u0301", "\u200b", "\ud800", "+", "#", "."])
def test_separators_alone_are_nothing_to_look_for(nothing: str) -> None:
    assert phrase(nothing) == ""
    assert words(nothing) == []


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("昨晚服务器重启", "服务器", ["服务器"]),
        ("昨晚服务器重启", "服", ["服"]),
        ("Deployment done", "deploy", ["Deployment"]),
        ("Grüße, STRASSE", "straße", ["STRASSE"]),
        ("a C++11 b", "c++", ["C++"]),
        ("v1.2.3", "1.2.3", ["1.2.3"]),
        ("x ｻｰﾊﾞｰ y", "サーバー", ["ｻｰﾊﾞｰ"]),
        ("🙂ok 🙂", "🙂", ["🙂", "🙂"]),
        ("cafe\u0301!", "café", ["cafe\u0301"]),
        ("ok ok-ok", "ok", ["ok", "ok", "ok"]),
        ("哈哈哈哈", "哈哈", ["哈哈哈哈"]),
    ],
)
def test_found_words_are_marked_in_place(text: str, query: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in matches(text, [phrase(query)])] == marked


@pytest.mark.parametrize(
    ("text", "name", "called"),
    [
        ("小明你好", "小明", ["小明"]),
        ("请小明看一下", "小明", ["小明"]),
        ("@小明,bob你看", "bob", ["bob"]),
        ("明天见", "明", []),
        ("明 看一下", "明", ["明"]),
        ("hi Bob!", "bob", ["Bob"]),
        ("bobby, bob-2, bob_x, kebob", "bob", []),
        ("🙂bob\U0001fbff", "bob", ["bob"]),
        ("ｂｏｂ and José", "jose", ["José"]),
        ("bob 2 of 3", "bob-2", []),
        ("b23 b2", "b2", ["b2"]),
        ("สวัสดีสมชายครับ", "สมชาย", ["สมชาย"]),
        ("", "bob", []),
        ("bob", "", []),
    ],
)
def test_a_name_is_called_as_a_whole(text: str, name: str, called: list[str]) -> None:
    assert [text[start:end] for start, end in calls(text, name)] == called


@given(LINES)
def test_folding_by_pieces_is_folding(text: str) -> None:
    assert Alignment(text).folded == fold(text)


@given(LINES, st.data())
def test_every_beginning_of_a_word_and_what_follows_is_found_and_marked(text: str, data: st.DataObject) -> None:
    found = words(text)
    first = data.draw(st.integers(0, len(found)))
    query = found[first : data.draw(st.integers(first, len(found)))]
    wanted = " ".join(query)

    for phrases in ([wanted], [wanted[:-1].rstrip()]):
        if all(phrases):
            assert holds(text, phrases)
            assert matches(text, phrases)


@given(LINES, LINES)
def test_the_marked_words_are_those_that_a_search_finds(text: str, query: str) -> None:
    wanted = phrase(query)

    marked = matches(text, [wanted]) if wanted else []

    assert bool(marked) == bool(wanted and holds(text, [wanted]))
    assert all(0 <= start < end <= len(text) for start, end in marked)
    assert marked == sorted(marked)


@given(LINES, LINES)
def test_the_words_of_two_lines_are_those_of_both(one: str, other: str) -> None:
    assert words(f"{one} {other}") == words(one) + words(other)


@given(st.text(st.characters(max_codepoint=127), max_size=3 * WORD_MAX))
def test_the_shortcut_for_ascii_changes_no_word(text: str) -> None:
    assert words(text) == words(f"{text} 服")[:-1]


@given(st.text(st.sampled_from("服务器が重ไม่ฟ서버ー"), min_size=1, max_size=12), LINES, LINES)
def test_any_stretch_of_a_script_without_spaces_is_found(query: str, before: str, behind: str) -> None:
    assert found_in(f"{before}{query}{behind}", query) or fold(before + query + behind) != "".join(
        map(fold, (before, query, behind))
    )


@pytest.mark.parametrize(
    "worst", ["ﷺ", "服", "a1", "a+", "\U0001fbff", "é", "\u0301", "q\u0301\u0327", ".a", "\u1112\u1161\u11ab", "+"]
)
def test_no_line_costs_more_than_moments(worst: str) -> None:
    line = worst * (TEXT_MAX // len(worst))

    with measured() as work:
        found = words(line * 20)

    assert work.usual_s < 0.25
    assert len(" ".join(found)) <= 3 * FOLDED_MAX


def test_a_start_compiles_no_pattern_of_the_scripts_without_spaces() -> None:
    code = (
        "import trio_chat.cli, trio_chat.serve.app; from trio_chat.chat import folding, words;"
        "print(*(it.cache_info().currsize for it in (folding._odd, words._any_word, words._unspaced)))"
    )

    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert run.stdout == "0 0 0\n"
