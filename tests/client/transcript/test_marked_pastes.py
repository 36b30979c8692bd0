"""Pastes that the terminal marks, however they come."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trio_chat.client.transcript.marked_pastes import PASTE_BYTES_MAX, MarkedPastes
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX

BEGIN, END = b"\x1b[200~", b"\x1b[201~"
KEY = BEGIN + END


def take_out(pastes: MarkedPastes, typed: bytes, size: int) -> bytes:
    return b"".join(pastes.take_out(typed[at : at + size]) for at in range(0, len(typed), size))


@given(
    texts=st.lists(st.sampled_from(["a", "é", "\x1b[20", "\x1b", "\x1b[200~", "0~", "1x", "\n"]), min_size=1),
    size=st.integers(1, 30),
)
def test_a_paste_is_the_same_in_whatever_pieces_it_comes(texts: list[str], size: int) -> None:
    pastes, text = MarkedPastes(), "".join(texts)
    assume(END.decode() not in text)

    keys = pastes.take_out(b"x" + BEGIN) + take_out(pastes, text.encode() + END + b"y", size)

    assert keys == b"x" + KEY + b"y"
    assert (pastes.next_text(), pastes.next_text()) == (text, "")


def test_each_of_several_pastes_has_its_key_and_an_empty_one_has_none() -> None:
    pastes = MarkedPastes()

    keys = pastes.take_out(b"a" + BEGIN + b"one" + END + b"b" + BEGIN + END + BEGIN + b"two" + END)

    assert keys == b"a" + KEY + b"b" + KEY
    assert [pastes.next_text(), pastes.next_text()] == ["one", "two"]


@pytest.mark.parametrize("letter", ["a", "é", "漢", "🙂"])
def test_of_a_paste_without_end_so_much_is_kept_that_it_is_too_long(letter: str) -> None:
    pastes = MarkedPastes()
    pasted = letter.encode() * (3 * PASTE_BYTES_MAX // len(letter.encode())) + b"\x1b[201"

    keys = pastes.take_out(BEGIN) + take_out(pastes, pasted, 4095) + pastes.take_out(b"~y")

    assert keys == KEY + b"y"
    text = pastes.next_text()
    assert DRAFT_CHARS_MAX < len(text) <= PASTE_BYTES_MAX + 10


def test_what_is_left_out_of_a_long_paste_does_not_end_it() -> None:
    pastes = MarkedPastes()
    begun = b"a" * (PASTE_BYTES_MAX + 1 - len(b"\x1b[201")) + b"\x1b[201"

    keys = pastes.take_out(BEGIN + begun + b"left out" + b"~bcdef")

    assert keys == b""
    assert pastes.take_out(b"g" + END) == KEY


@given(
    texts=st.lists(st.sampled_from(["a", "é", "\x1b[20", "\x1b", "\udcff", "0~", "\r", "\n"]), min_size=1),
    size=st.integers(1, 30),
)
def test_a_paste_comes_in_one_piece_among_what_was_typed(texts: list[str], size: int) -> None:
    pastes, text = MarkedPastes(), "".join(texts)
    assume(END.decode() not in text)
    typed = text + END.decode() + "y"

    pieces = [pastes.bounded("x\udcff" + BEGIN.decode())]
    pieces += [pastes.bounded(typed[at : at + size]) for at in range(0, len(typed), size)]

    whole = text.encode(errors="surrogateescape").decode(errors="replace")
    assert "".join(pieces) == f"x\udcff{BEGIN.decode()}{whole}{END.decode()}y"
    assert set(pieces[1:-1]) <= {"", "".join(pieces[1:-1])}


def test_a_paste_without_end_takes_no_more_memory_than_a_draft() -> None:
    pastes = MarkedPastes()

    assert pastes.bounded(BEGIN.decode()) == ""
    assert {pastes.bounded("漢" * 1024) for _ in range(PASTE_BYTES_MAX // 1024)} == {""}
    assert DRAFT_CHARS_MAX < len(pastes.bounded(END.decode() + "y")) <= PASTE_BYTES_MAX // 3 + 20
