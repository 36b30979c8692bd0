"""The parsers of untrusted input, and the properties that hold for any input.

Each reader takes bytes. Readers of text decode them as UTF-8 with invalid bytes as lone surrogates, the worst text
there is.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from unicodedata import normalize

from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick, check_room, fold_name
from trio_chat.chat.text import MARKS_MAX, clean
from trio_chat.server.transport.sniff import Greeting, GreetingRefusal, classify
from trio_chat.stickers.file import WARNINGS_MAX, parse_catalogue
from trio_chat.wire.frame_decoder import FrameDecoder, FrameFault, reply_decoder, request_decoder
from trio_chat.wire.line_splitter import LineSplitter, OverlongLine
from trio_chat.wire.lines import LINE_LIMIT, LineDecoder, LineFault
from trio_chat.wire.proxy_header import HEADER_LIMIT, ProxyHeader
from trio_chat.wire.telnet import SUBNEGOTIATION_LIMIT, TelnetDecoder

FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
    "\u115f\u1160\u3164\uffa0]"
)
"""Control characters, line separators, bidirectional overrides and invisible letters."""

SMALL = 16
"""A limit that the lines of a fuzzer exceed."""


def text_of(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def pieces_of(data: bytes) -> list[bytes]:
    """Split bytes into pieces of a length that depends on them."""
    step = 1 + data[0] % 7 if data else 1
    return [data[start : start + step] for start in range(0, len(data), step)]


def read_lines(data: bytes) -> None:
    found, whole = [], LineDecoder()
    decoder = LineDecoder()
    for piece in pieces_of(data):
        found += decoder.feed(piece)
    found += decoder.finish()
    assert found == whole.feed(data) + whole.finish()
    for line in found:
        assert isinstance(line, LineFault) or ("\n" not in line and len(line.encode()) <= LINE_LIMIT)
    assert len(found) == data.count(b"\n") + bool(data and not data.endswith(b"\n"))


def cut(data: bytes) -> None:
    """The lines do not depend on the pieces of a stream, and at most one is buffered."""
    splitter, whole = LineSplitter(SMALL), LineSplitter(SMALL)
    found: list[bytes | OverlongLine] = []
    for piece in pieces_of(data):
        found += splitter.feed(piece)
        assert len(splitter._rest) <= SMALL + 1
    found += splitter.finish()
    once = whole.feed(data) + whole.finish()
    assert [isinstance(line, OverlongLine) or line for line in found] == [
        isinstance(line, OverlongLine) or line for line in once
    ]
    expected = [line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n")] if data else []
    assert [line for line in found if not isinstance(line, OverlongLine)] == [
        line for line in expected if len(line) <= SMALL
    ]


def read_telnet(data: bytes) -> None:
    """The result does not depend on the pieces of a telnet stream, and little is buffered."""
    decoder, whole = TelnetDecoder(), TelnetDecoder()
    found: list[str | LineFault] = []
    for piece in pieces_of(data):
        found += decoder.feed(piece)
        assert decoder.telnet is None or len(decoder.telnet._rest) <= 2 * SUBNEGOTIATION_LIMIT + 3
    once = whole.feed(data)
    assert (decoder.telnet is None) == (whole.telnet is None)
    if decoder.telnet and whole.telnet:
        assert decoder.telnet.is_over == whole.telnet.is_over
        assert decoder.telnet.take_reply() == whole.telnet.take_reply()
    assert found + decoder.finish() == once + whole.finish()


def read_requests(data: bytes) -> None:
    _read_frames(request_decoder, data)


def read_replies(data: bytes) -> None:
    _read_frames(reply_decoder, data)


def _read_frames(make: Callable[[], FrameDecoder], data: bytes) -> None:
    decoder, whole = make(), make()
    found = [frame for piece in pieces_of(data) for frame in decoder.feed(piece)]
    once = whole.feed(data)
    assert len(found) == len(once) <= data.count(b"\n")
    for frame, same in zip(found, once, strict=True):
        assert type(frame) is type(same)
        if isinstance(frame, FrameFault):
            assert (frame.code, frame.text, frame.key) == (same.code, same.text, same.key)
            assert frame.code in {"bad-json", "bad-frame", "unknown-type", "too-long"}
            assert not FORBIDDEN.search(frame.text)
            frame.key.encode()


def clean_text(data: bytes) -> None:
    text = text_of(data)
    once = clean(text)
    assert not FORBIDDEN.search(once)
    assert clean(once) == once
    assert len(once) <= len(text)
    assert len(once.splitlines()) <= 1
    assert not re.search(f"\u0301{{{MARKS_MAX + 1}}}", once)
    once.encode()


def read_proxy_header(data: bytes) -> None:
    header, taken = ProxyHeader(), 0
    try:
        for piece in pieces_of(data):
            ahead = piece
            while ahead and not header.is_complete:
                count = header.feed(ahead)
                assert count or header.is_complete
                taken, ahead = taken + count, ahead[count:]
    except ChatError:
        return
    assert taken <= min(len(data), HEADER_LIMIT)
    if header.is_complete:  # and what comes behind it is still there
        assert taken == (data.index(b"\n") + 1 if data.startswith(b"P") else 16 + int.from_bytes(data[14:16]))
    if header.source:
        address, port = header.source
        ip_address(address)
        assert re.fullmatch("[0-9a-f:.]+", address)  # what a zone is made of drives terminals
        assert 0 < port <= 65535
        if data.startswith(b"P"):
            assert b" %d " % port in data


def read_stickers(data: bytes) -> None:
    catalogue, warnings = parse_catalogue(text_of(data), source="stickers.toml")
    assert len(warnings) <= WARNINGS_MAX + 1
    assert not any(FORBIDDEN.search(warning) for warning in warnings)
    for name, sticker in catalogue.stickers.items():
        assert re.fullmatch(r"[a-z0-9_-]+", name)
        assert not any(FORBIDDEN.search(row) for row in sticker.render(name).lines)


def fold_nick(data: bytes) -> None:
    text = text_of(data)
    assert fold_name(text) == fold_name(text)
    for check in (check_nick, check_room):
        try:
            name = check(text)
        except ChatError:
            continue
        assert check(name) == name
        assert fold_name(name) == fold_name(fold_name(name)) == fold_name(name.upper()) or not name.isascii()
        assert not FORBIDDEN.search(name)
        assert name.isprintable()
        assert normalize("NFKC", name) == name
        assert not any(char.isspace() or char in "[]:/@" for char in name)


def look_at_first_bytes(data: bytes) -> None:
    assert isinstance(classify(data), Greeting | GreetingRefusal)


READERS: tuple[Callable[[bytes], None], ...] = (
    read_lines,
    read_telnet,
    cut,
    read_requests,
    read_replies,
    clean_text,
    read_proxy_header,
    read_stickers,
    fold_nick,
    look_at_first_bytes,
)
