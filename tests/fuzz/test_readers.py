"""Random input for every parser: a moment in `make test`, a minute for each parser in `make fuzz`.

Inputs that broke one once stand in FOUND and are tried each time.
"""

import os
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import READERS

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
ROUND = 1000

CONTROLS = [bytes([byte]) for byte in b"\n\r\x00\x07\x1b\x7f\x80\x9b\xc2\xe2\xed\xff"]
MARKS = [bytes([byte]) for byte in b"{}[]\"'\\,:=#@/- 0aZ"]
HIDDEN = [char.encode() for char in "\x9b\u202e\u2028\u200d\ufe0f\U0001f468\ufeff\u0430\uff41\u0915\u094d\u0645\u200c"]
SEQUENCES = [b"\x1b[", b"31m", b"\x1b]52;c;", b"\x1b\\", b"\xed\xa0\x80", b"\xcc\x81" * 9, b"\r\n"]
FRAMES = [b'{"type":"', b'say"', b'hello"', b'entry"', b',"room":"lobby"', b',"text":"', b',"key":"k"', b"}\n"]
JSON = [b"\\ud800", b"1e999", b"NaN", b"9" * 400, b"[" * 2000, b"null", b"true", b"-0", b',"since":{"lobby":-1}']
PROXY = [b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"1.2.3.4 ", b"::1 ", b"fe80::1%", b"1_0 ", b"65536"]
PROXY_2 = [b"\r\n\r\n\x00\r\nQUIT\n", b"\x21\x11\x00\x0c", b"\x21\x21\x00\x24", b"\x20\x00\xff\xff"]
TOML = [
    b"[text]\n",
    b"[art]\n",
    b'smile = "',
    b'"""',
    b"'''",
    b"shows = ",
    b"aliases = [",
    b"[text.x]\n",
    b"\\U0010ffff",
]
OTHERS = [b"GET ", b"/" + b"a" * 450, b" HTTP/1.1\r\n", b"server", b"127.0.0.1", b"\x16\x03\x01", b"c12", b"x" * 4090]

KNOWN = [*CONTROLS, *MARKS, *HIDDEN, *SEQUENCES, *FRAMES, *JSON, *PROXY, *PROXY_2, *TOML, *OTHERS]
"""Tokens that the readers know, as the dictionary of a fuzzer."""

LETTERS = [letter.encode() for letter in "aZ1-_лαש\u0661\u30ce\ufb01\u3164\u0301"]
TELNET = [b"\xff" + command for command in (b"\xf4", b"\xfd\x06", b"\xfb\x18", b"\xfa\x18", b"\xf0", b"\xf6", b"")]
OWN = {
    "read_telnet": [*TELNET, *TELNET, b"\r", b"\x00", b"\n", b"hi", b"x" * 520],
    "read_requests": [*FRAMES, *FRAMES, *JSON, *MARKS, *CONTROLS],
    "read_replies": [*FRAMES, *FRAMES, *JSON, *MARKS, *CONTROLS],
    "read_proxy_header": [*PROXY, *PROXY_2, b"1.2.3.4 5.6.7.8 1 2\r\n", b"\x00" * 12, b"x" * 4090],
    "read_stickers": [*TOML, *TOML, *MARKS, b'"\n', b"'''\n", b"\\u001b", b"x = 3\n"],
    "fold_nick": [*LETTERS, *LETTERS, *HIDDEN],
}
"""Tokens of one reader; those that stand twice are more likely."""


def hostile(tokens: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(tokens) | st.binary(max_size=6), max_size=24).map(b"".join)


FOUND = [
    ("clean_text", "\u0915{}\u094d\u200d\u0915".format("\u0301" * 8).encode()),  # a joiner's mark is one too many
    ("clean_text", "\U0001f468\u200d\u00ad\U0001f468".encode()),
    ("read_requests", b'{"type":"say","x":' + b"[" * 60_000 + b"}\n"),
    ("cut", b"one\r\r\n"),
    ("read_stickers", b"a = " + b"[" * 2000),
    # What a reader did without one of its defences: each was left out once, to see it fail here.
    ("cut", b"p" * 16 + b"\r\n"),  # the p makes pieces of one byte
    ("read_requests", b'{"type":"say","room":"lobby","text":"\xff"}\n'),
    ("read_requests", b'{"type":"say","key":"\\ud800"}\n'),
    ("read_requests", b'{"type":"\\u001b[31m","type":"say"}\n'),  # the parsers do not agree which one counts
    ("read_replies", b'{"type":"entry","text":"\xff"}\n'),
    ("read_replies", b'{"type":"\\u001b[31m","type":"pong"}\n'),
    ("read_proxy_header", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 22\r\nhello\n"),
    ("read_proxy_header", b"PROXY TCP4 " + b"1" * 5000),
    ("read_proxy_header", b"PROXY TCP6 fe80::1%\x1b]0;pwn\x07\r\x1b[2J ::1 1001 99\r\n"),
    ("read_proxy_header", b"PROXY TCP4 1.2.3.4 5.6.7.8 1_0 99\r\n"),
    ("read_proxy_header", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0f" + b"\x01" * 15 + b"hello\n"),
    ("read_proxy_header", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x04" + b"\x01" * 4),
    ("read_proxy_header", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + b"\x01" * 70_000),
    ("read_stickers", b'[text]\n"\\u001b[31m" = 3\n'),
    ("read_stickers", b'[text]\n"No Name" = "x"\n'),
    ("read_stickers", b"[text]\n" + b"".join(b"n%d = 1\n" % number for number in range(100))),
    ("read_stickers", b"[text]\nx = '\x1b[2J'\n[art]\ny = '''\n\xc2\x9b2J\n'''\n"),
    ("fold_nick", "a\u3164".encode()),
    ("fold_nick", "\uff41\uff42".encode()),
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # as happens where some tokens are long
def test_random_input_is_read_as_promised(reader: Callable[[bytes], None]) -> None:
    until = time.monotonic() + SECONDS
    strategy = hostile(KNOWN) | hostile(OWN.get(reader.__name__, KNOWN))
    is_first = True

    while is_first or time.monotonic() < until:
        is_first = False
        check = settings(
            max_examples=ROUND if SECONDS else 100,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(strategy)(lambda data: reader(data)))
        check()


@pytest.mark.parametrize(("name", "data"), FOUND, ids=lambda found: repr(found)[:40])
def test_inputs_that_broke_a_parser_once_are_read_as_promised(name: str, data: bytes) -> None:
    next(reader for reader in READERS if reader.__name__ == name)(data)
