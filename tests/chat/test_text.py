import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_chat.chat.text import MARKS_MAX, clean

# What a hostile sender would reach for, far denser than chance would have it.
HOSTILE = st.text(
    st.sampled_from(
        "\x00\x07\t\n\r\x0b\x0c\x1b\x1c\x7f\x85\x90\x9b\x9c\x9d[]PX^_\\;0m(B a\u0301\u0e48\u094d\u0915\u0645\u1820"
        "\u00ad\u034f\u061c\u06dd\u200b\u200c\u200d\u200e\u202e\u2028\u2066\u2069\u20e3\ufe0e\ufe0f\ufeff\ufff9"
        "\ud800\ufffe\u180b\U000e0067\U000e007f\U000e0100\U0001f3f4\U0001f1e9\U0001f468\U0001f3fd\u2764\u3164\uac00\ue0b0"
    ),
    max_size=60,
)
ANY_TEXT = st.text(st.characters(categories=None)) | HOSTILE

EMOJI = [
    "🙂",
    "❤️",
    "☹︎",
    "👍🏽",
    "👨‍👩‍👧‍👦",
    "👩🏽‍❤️‍💋‍👨🏿",
    "🏳️‍🌈",
    "🏴‍☠️",
    "🕵🏽‍♂️",
    "👁️‍🗨️",
    "🐈‍⬛",
    "🇩🇪",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1️⃣",
    "#️⃣",
    "🚶🏾‍♀️‍➡️",
    "\U0001fae8",  # newer than the oldest Python's data
]


@given(ANY_TEXT)
def test_nothing_that_drives_a_terminal_or_reorders_or_breaks_a_line_survives(text: str) -> None:
    cleaned = clean(text)

    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", cleaned)
    assert not re.search(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", cleaned)
    assert not re.search(r"[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufeff\u200b\u2060-\u206f]", cleaned)
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


@given(ANY_TEXT)
@example("\u0915" + "\u0301" * 8 + "\u094d\u200d\u0915")  # the mark that a joiner needs is one too many
@example("a" + "\u0301" * 8 + "\U000e0067" + "\u0301")
@example("\U0001f468\U000e0067\U0001f3fd\ufe0f")
@example("\U0001f468\u200d\u00ad\U0001f468")
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = clean(text)

    assert clean(once) == once


@given(ANY_TEXT)
def test_cleaning_never_makes_a_line_longer(text: str) -> None:
    assert len(clean(text)) <= len(text)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_ascii_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_the_short_way_for_plain_lines_lets_nothing_through_that_the_long_way_stops() -> None:
    blocks = (
        (0, 0x3400),
        (0xA000, 0xAC00),
        (0xD700, 0x11100),
        (0x13400, 0x13500),
        (0x1F000, 0x1FB00),
        (0xE0000, 0xE0200),
    )

    kept = {char for block in blocks for char in map(chr, range(*block)) if clean(char) == char}

    # Behind a tab a character goes the long way, whatever it is.
    assert not {char for char in kept if clean("\t" + char) != " " + char}
    assert not {char for char in kept if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}}
    drawn = {"\u0600", "\u0601", "\u0602", "\u0603", "\u0604", "\u0605", "\u06dd", "\u070f", "\u08e2"}
    drawn |= {"\u0890", "\u0891", "\U000110bd", "\U000110cd"}
    assert {char for char in kept if unicodedata.category(char) == "Cf"} <= drawn


@pytest.mark.parametrize("between", ["", " ", "a", "\u05d0", "\u4e00"])
@given(emoji=st.lists(st.sampled_from(EMOJI), min_size=1, max_size=5))
def test_emoji_stay_whole(emoji: list[str], between: str) -> None:
    text = between.join(emoji)

    assert clean(f"\x07{text}") == text


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم",  # a Persian verb, with ZWNJ
        "क्‍ष क्‌ष",  # Hindi, with ZWJ and ZWNJ
        "ശ്രീ അവന്‍",  # Malayalam, with ZWJ at the end of a word
        "ශ්‍රී ලංකා",  # Sinhala
        "ᠰᠢᠷᠠ᠋",  # Mongolian, with a variation selector
        "בְּרֵאשִׁ֖ית בָּרָ֣א",  # Hebrew with vowels and accents
        "น้ำผึ้ง ที่นี่",  # Thai
        unicodedata.normalize("NFD", "Nguyễn Thị Ngữ"),
        "가\u1100\u1161",
        "¯\\_(ツ)_/¯ ( ͡° ͜ʖ ͡°) ಠ_ಠ",
        "naïve — “quoted” … 5\u00a0€ 山田\u3000太郎 \u06dd",
        "\ue0b0 icon fonts",
    ],
)
def test_invisible_characters_that_a_script_needs_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "typed",
    [
        "pass\u200dword",
        "pass\ufe0fword",
        "pass\u200bword",
        "pa\u00adssword",
        "pass\U000e0061word",
        "\ufeffpass\u2060word",
    ],
)
def test_nothing_invisible_hides_in_a_word(typed: str) -> None:
    assert clean(typed) == "password"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred\x9bm", "red"),
        ("\x1b]0;title\x07hello", "hello"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;cm0gLXJm\x07", ""),
        ("\x9d52;c;cm0gLXJm\x9c", ""),
        ("\x1bP1$qm\x1b\\a\x1b_apc\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d", "abcd"),
        ("\x1b(B\x1b7a\x1b8", "a"),
    ],
)
def test_a_whole_escape_sequence_is_gone(typed: str, shown: str) -> None:
    assert clean(typed) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("\x1b]0;no end in sight", "]0;no end in sight"),
        ("\x1b[31", "[31"),
        ("\x1bhello", "hello"),
        ("\x1b (note)", " (note)"),
        ("\x1b\x1b[31m[2J", "[2J"),
        ("\x1b\u200b[31m", "[31m"),
        ("[31mnot a sequence", "[31mnot a sequence"),
    ],
)
def test_half_an_escape_sequence_loses_its_sting_and_swallows_nothing(typed: str, shown: str) -> None:
    assert clean(typed) == shown


@pytest.mark.parametrize("separator", ["\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_separators_of_lines_or_words_become_one_space(separator: str) -> None:
    assert clean(f"a{separator}b") == "a b"


@pytest.mark.parametrize("control", ["\x00", "\x08", "\x7f", "\x80", "\x84"])
def test_other_controls_are_dropped(control: str) -> None:
    assert clean(f"a{control}b") == "ab"


@pytest.mark.parametrize("mark", ["\u0301", "\u0e48", "\u20dd", "\u0301\u200d", "\u0301\U000e0061"])
def test_marks_piled_on_a_letter_are_capped(mark: str) -> None:
    cleaned = clean("a" + mark * 1000 + "b")

    assert cleaned == "a" + mark[0] * MARKS_MAX + "b"


def test_as_many_marks_as_are_allowed_stay_and_one_more_does_not() -> None:
    most = "a" + "\u0301" * MARKS_MAX

    assert clean(most) == most
    assert clean(most + "\u0302") == most


def test_a_joiner_joins_two_pictures_and_nothing_else() -> None:
    man, woman = "\U0001f468", "\U0001f469"

    assert clean(f"{man}\u200d\u200d{woman}") == f"{man}{woman}"
    assert clean(f"a\u200d{woman}\u200d") == f"a{woman}"


@pytest.mark.parametrize(
    "typed",
    ["\x1b", "\x1b]", "\x9d", "\x1b[1", "\x1b]a", "a\u0301", "\U0001f468\u200d", "\U0001f3f4\U000e0061", "\u200d"],
)
def test_the_work_grows_with_the_length_alone(typed: str) -> None:
    # This takes a tenth of a second; were the work quadratic, the run would hang here for minutes.
    text = typed * (100_000 // len(typed))

    assert len(clean(text)) <= len(text)
