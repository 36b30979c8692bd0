from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.pictures import best_painter, text_painter
from trio_chat.client.terminal_answers import Answers, TerminalQuestions
from trio_chat.stickers.painters import CursorPainter, HalfBlocks, KittyPlaceholders

KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.36.4)\x1b\\\x1b[?62;c"
XTERM = "\x1bP>|XTerm(379)\x1b\\\x1b[?1;0;16S\x1b[?63;1;2;4;6;9;15;16;22c"
KONSOLE = "\x1bP>|Konsole 22.12.3\x1b\\\x1b[?62;1;4c"
OLD_KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.26.5)\x1b\\\x1b[?62;c"
WEZTERM = "\x1b_Gi=31;OK\x1b\\\x1bP>|WezTerm 20240203\x1b\\\x1b[?65;4;6;18;22c"
TMUX = "\x1bP>|tmux 3.3a\x1b\\\x1b[?1;2c"
SILENT = "\x1b[?6c"

ALL = [KITTY, XTERM, KONSOLE, OLD_KITTY, WEZTERM, TMUX, SILENT]


def answers_of(text: str) -> Answers:
    questions = TerminalQuestions({})
    assert questions.take_out(text) == ""
    return questions.answers


def test_the_question_that_all_answer_is_the_last_and_tmux_is_not_asked_as_kitty_is() -> None:
    assert TerminalQuestions({"TERM": "xterm"}).text == (
        "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[?1;1;0S\x1b[c"
    )
    for environment in ({"TMUX": "/tmp/tmux"}, {"TERM": "tmux-256color"}, {"TERM": "screen"}):
        assert TerminalQuestions(environment).text == "\x1b[>0q\x1b[?1;1;0S\x1b[c"


@pytest.mark.parametrize(
    ("text", "in_text", "in_lines"),
    [
        (KITTY, KittyPlaceholders, KittyPlaceholders),
        ("\x1b_Gi=31;OK\x1b\\\x1bP>|ghostty 1.1.3\x1b\\\x1b[?62;22c", KittyPlaceholders, KittyPlaceholders),
        (OLD_KITTY, HalfBlocks, HalfBlocks),
        (WEZTERM, HalfBlocks, CursorPainter),
        (KONSOLE, HalfBlocks, CursorPainter),
        (XTERM, HalfBlocks, CursorPainter),
        (TMUX, HalfBlocks, HalfBlocks),
        ("\x1bP>|tmux 3.4\x1b\\\x1b[?1;2;4c", HalfBlocks, CursorPainter),
        (SILENT, HalfBlocks, HalfBlocks),
        ("\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1bP>|kitty(0.40.0)\x1b\\\x1b[?62c", HalfBlocks, HalfBlocks),
    ],
)
def test_a_terminal_gets_the_pictures_that_it_says_it_can_show(text: str, in_text: type, in_lines: type) -> None:
    answers = answers_of(text)

    assert answers.is_complete
    assert isinstance(text_painter(answers), in_text)
    assert isinstance(best_painter(answers, (9, 18)), in_lines)


def test_sixels_need_the_size_of_a_cell_and_have_as_many_colours_as_the_terminal() -> None:
    answers = answers_of(XTERM)

    assert isinstance(best_painter(answers, None), HalfBlocks)
    assert best_painter(answers, (9, 18)).resolution.colours == 15
    assert answers_of("\x1b[?1;0;999999999S\x1b[?1;4c").sixel_colours == 256
    assert answers_of("\x1b[?1;0;0S\x1b[?1;4c").sixel_colours == 2


TYPED = st.text(alphabet="ab /é四🙂\x7f\r", max_size=12)


@given(before=TYPED, behind=TYPED, answers=st.sampled_from(ALL), cuts=st.sets(st.integers(1, 80)))
def test_answers_are_never_typing_wherever_they_are_cut(before: str, behind: str, answers: str, cuts: set[int]) -> None:
    text, questions = before + answers + behind, TerminalQuestions({})
    ends = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]

    typed = "".join(questions.take_out(text[start:end]) for start, end in pairwise(ends))

    assert questions.answers == answers_of(answers)
    assert typed.replace("\x1b", "") == before + behind  # an Escape at the end of what was read may be the key


@given(keys=st.lists(st.sampled_from(["a", "\x1b[A", "\x1b[1;5C", "\x1bOP", "\x1bP", "\x1b_", "\x1b[200~x\x1b[201~"])))
def test_keys_are_typing_also_while_answers_are_awaited(keys: list[str]) -> None:
    questions = TerminalQuestions({})

    typed = "".join(map(questions.take_out, [*keys, "z"]))

    assert typed == "".join(keys) + "z"


def test_escape_is_a_key_at_once() -> None:
    questions = TerminalQuestions({})

    assert questions.take_out("\x1b") == "\x1b"
    assert questions.take_out("a") == "a"
    assert questions.take_out("\x1b") == "\x1b"
    assert questions.take_out("[?62;4c") == ""


def test_after_the_last_answer_everything_is_typing() -> None:
    questions = TerminalQuestions({})
    questions.take_out(SILENT)

    assert questions.take_out(XTERM) == XTERM
