"""Line endings of terminals: LF, CR LF and CR."""

import pytest

from trio_chat.wire.lines import LINE_LIMIT, LineFault
from trio_chat.wire.telnet import TelnetDecoder


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\r", ["one"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"\r", [""]),
        (b"one\r\0", ["one"]),
        (b"one\r\0two\r\0", ["one", "two"]),
        (b"\xff\xfb\x01one\r", ["one"]),
        (b"x" * (LINE_LIMIT + 9) + b"\r", []),
    ],
)
def test_a_cr_with_silence_behind_it_ends_a_line(data: bytes, lines: list[str | LineFault]) -> None:
    decoder = TelnetDecoder()
    found = [line for line in decoder.feed(data) if line is not LineFault.TOO_LONG]

    assert decoder.is_at_cr
    assert [*found, *decoder.end_at_cr()] == lines
    assert decoder.needs_crlf
    assert not decoder.is_in_line
    assert decoder.feed(b"next\n") == ["next"]


def test_the_nul_behind_a_cr_may_come_later_and_ends_no_silence() -> None:
    decoder = TelnetDecoder()

    assert decoder.feed(b"one\r") + decoder.feed(b"\0") == []
    assert decoder.is_at_cr
    assert decoder.end_at_cr() == ["one"]
    assert decoder.feed(b"two\r") + decoder.feed(b"\0three\r\0") == ["two", "three"]


def test_c5_a_cr_inside_a_line_ends_none() -> None:
    decoder = TelnetDecoder()

    assert decoder.feed(b"10 %\r20 %\n") == ["10 %\r20 %"]
    assert not decoder.is_at_cr
    assert not decoder.needs_crlf


def test_a_terminal_that_ends_its_lines_in_cr_may_paste_more_than_a_line_holds() -> None:
    decoder = TelnetDecoder()
    decoder.feed(b"one\r")
    decoder.end_at_cr()

    assert decoder.feed(b"x" * LINE_LIMIT + b"\ry\r") == ["x" * LINE_LIMIT, "y"]


@pytest.mark.parametrize("pieces", [[b"one\r\ntwo\r\n"], [b"one\r", b"\ntwo", b"\r", b"\n"], [b"one\r\n", b"two\n"]])
def test_cr_lf_is_one_ending_however_it_is_cut_and_is_known(pieces: list[bytes]) -> None:
    decoder = TelnetDecoder()

    assert [line for piece in pieces for line in decoder.feed(piece)] == ["one", "two"]
    assert decoder.needs_crlf


@pytest.mark.parametrize(("data", "needs"), [(b"hi\n", False), (b"\xff\xf1hi\n", True), (b"\xff\xff\n", False)])
def test_a_telnet_is_known_by_its_first_command(data: bytes, needs: bool) -> None:
    decoder = TelnetDecoder()
    decoder.feed(data)

    assert decoder.needs_crlf is needs
