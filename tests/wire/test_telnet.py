"""Telnet commands among lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.wire.lines import LineFault
from trio_chat.wire.telnet import SUBNEGOTIATION_LIMIT, TelnetDecoder

BAD = LineFault.NOT_UTF8
CTRL_C = b"\xff\xf4\xff\xfd\x06"
"""As inetutils-telnet sends it."""

OFFERS = b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03"
SIZE_OF_TEN_ROWS = b"\xff\xfa\x1f\x00\x50\x00\x0a\xff\xf0"
ARE_YOU_THERE = b"\xff\xf6"

TOKENS = [
    *(b"hi", "☺".encode(), b"\r\n", b"\n", b"\r\x00", b"\x00", b"\r", b"\xff", b"\xff\xff", b"\xff\xfa", b"\xff\xf0"),
    *(
        CTRL_C,
        OFFERS,
        SIZE_OF_TEN_ROWS,
        ARE_YOU_THERE,
        b"\xff\xf1",
        b"\xff\xec",
        b"\xff\xfb\x00",
        b"\xff\xfc\x00",
        b"x" * 300,
    ),
]


def read(*pieces: bytes) -> tuple[list[str | LineFault], bytes, bool]:
    """Decode pieces of a stream. -> the lines, the reply, and whether the client has left"""
    decoder, reply, is_over = TelnetDecoder(), b"", False
    found: list[str | LineFault] = []
    for piece in pieces:
        found += decoder.feed(piece)
    if decoder.telnet:
        reply, is_over = decoder.telnet.take_reply() or b"", decoder.telnet.is_over
    return (found if is_over else found + decoder.finish()), reply, is_over


@pytest.mark.parametrize(
    ("data", "lines", "reply"),
    [
        (b"\xff\xfb\x01hello\r\n", ["hello"], b"\xff\xfe\x01"),
        (b"\xff\xfd\x18hello\n", ["hello"], b"\xff\xfc\x18"),
        (b"hel\xff\xfd\x06lo\n", ["hello"], b"\xff\xfb\x06"),
        (b"\xff\xfc\x01\xff\xfe\x03hello\n", ["hello"], b""),
        (OFFERS + b"hello\r\n", ["hello"], OFFERS.translate(bytes.maketrans(b"\xfb\xfd", b"\xfe\xfc"))),
        (b"\xff\xfb\x00" * 2 + b"\xff\xfd\x00" + "本\n".encode(), ["本"], b"\xff\xfd\x00\xff\xfc\x00"),
        (b"\xff\xfc\x00\xff\xfb\x00" + b"\xff\xfc\x00" * 2, [], b"\xff\xfd\x00\xff\xfe\x00"),
        (SIZE_OF_TEN_ROWS + b"hello\n", ["hello"], b""),
        (b"\xff\xf1\xff\xf9\xff\xf2hello\n", ["hello"], b""),
        (ARE_YOU_THERE * 3 + b"hello\n", ["hello"], b"*** yes, the chat is here ***\r\n"),
        (b"\xff\xf1one\r\x00two\r\nthree\r\x00", ["one", "two", "three"], b""),
        (b"\xff\xf1 in \xf0\x9f\x99\xff\xf1\x82\n", [" in 🙂"], b""),
    ],
)
def test_telnet_negotiation_is_removed_and_refused(data: bytes, lines: list[str], reply: bytes) -> None:
    assert read(data) == (lines, reply, False)


@pytest.mark.parametrize("command", [CTRL_C, b"\xff\xec", b"\xff\xee"])
def test_ctrl_c_between_lines_leaves_and_earlier_lines_are_said(command: bytes) -> None:
    assert read(b"one\r\n" + command + b"two\r\n") == (["one"], b"", True)
    assert read(command + b"two\r\n") == ([], b"", True)


def test_ctrl_c_in_the_middle_of_a_line_is_only_answered() -> None:
    assert read(b"he", b"l" + CTRL_C + b"lo\n") == (["hello"], b"\xff\xfb\x06", False)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"\xff\n", [BAD]),
        (b"garbage \xff here\nafter\n", [BAD, "after"]),
        (b"\xff\xff\n", [BAD]),
        (b"hello\xff", [BAD]),
        (b"hello\xff\xfd", [BAD]),
        (b"\x80\xff\xf1\nafter\n", [BAD, "after"]),
        (b"\xff\xfa" + b"x" * 600 + b"\nafter\n", [BAD, "after"]),
        (b"\xff\xfax\xff\xf1x\nafter\n", [BAD, "after"]),
        (b"\x80\xff\xf4\nafter\n", [BAD, "after"]),
    ],
)
def test_c4_garbage_with_0xff_in_it_is_still_a_fault_of_its_line(data: bytes, lines: list[str | LineFault]) -> None:
    assert read(data) == (lines, b"", False)


def test_c5_cr_nul_ends_a_line_of_a_telnet_alone() -> None:
    assert read(b"one\r\x00two\n") == (["one\r\x00two"], b"", False)


def test_a_subnegotiation_that_never_ends_is_not_kept() -> None:
    decoder = TelnetDecoder()
    for _ in range(100):
        decoder.feed(b"\xff\xfa" + b"\xff\xff" * 2000)
        assert decoder.telnet
        assert len(decoder.telnet._rest) <= 2 * SUBNEGOTIATION_LIMIT + 3

    assert decoder.feed(b"\nafter\n")[-1] == "after"


@given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=12).map(b"".join), st.data())
def test_c2_split_anywhere_the_same_comes_of_it(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))

    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert read(*pieces) == read(stream)
    assert read(*(bytes([byte]) for byte in stream)) == read(stream)
