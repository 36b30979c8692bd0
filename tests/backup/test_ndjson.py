import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.backup.ndjson import FormatError, Header, decode_entry, decode_header, encode_entry, encode_header
from trio_chat.chat.events import Draft, Entry, Kind

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
ACCOUNTS = st.sampled_from(["", "0123456789abcdef"])
DRAFTS = st.builds(
    Draft,
    room=WORDS.filter(bool),
    kind=st.sampled_from(Kind),
    author=WORDS,
    text=WORDS,
    to=WORDS,
    client=st.just(""),
    session=WORDS,
    key=WORDS,
    account=ACCOUNTS,
    to_account=ACCOUNTS,
)
ENTRIES = st.builds(
    Entry, id=st.integers(0, 2**53), time=st.integers(0, 4 * 10**15).map(lambda micros: micros / 1e6), draft=DRAFTS
)

ENTRY = b'{"id":1,"time":1764000000.125,"room":"lobby","kind":"said","author":"alice","text":"hello"}\n'
HEADER = b'{"format":"trio-chat history","version":1,"epoch":"9c1f","pruned_to":0,"last_id":1}\n'


@given(ENTRIES)
def test_any_entry_comes_back_as_it_was_from_one_line(entry: Entry) -> None:
    line = encode_entry(entry)

    assert decode_entry(line) == entry
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@given(WORDS.filter(lambda text: 0 < len(text) <= 64), st.integers(0, 2**53), st.integers(0, 2**53))
def test_any_header_comes_back_as_it_was(epoch: str, pruned_to: int, last_id: int) -> None:
    header = Header(epoch=epoch, pruned_to=pruned_to, last_id=last_id)

    assert decode_header(encode_header(header)) == header


def test_a_line_says_no_more_than_there_is_to_say() -> None:
    assert encode_entry(Entry(1, 1764000000.125, Draft("lobby", Kind.SAID, "alice", "hello"))) == ENTRY
    assert encode_header(Header(epoch="9c1f", pruned_to=0, last_id=1)) == HEADER


def test_the_connection_that_caused_an_entry_is_not_written() -> None:
    draft = Draft("lobby", Kind.SAID, "alice", "hello", client="c7")

    assert decode_entry(encode_entry(Entry(1, 0.0, draft))).draft.client == ""


@pytest.mark.parametrize(
    "damage",
    [
        (b'"id":1', b'"id":-1'),
        (b'"id":1', b'"id":1.5'),
        (b'"id":1', b'"id":99999999999999999999'),
        (b'"time":1764000000.125', b'"time":1e300'),
        (b'"time":1764000000.125', b'"time":NaN'),
        (b'"said"', b'"sung"'),
        (b'"lobby"', b'""'),
        (b'"lobby"', b"null"),
        (b'"author":"alice",', b""),
        (b'"text"', b'"txet"'),
        (b"hello", b"\xff"),
        (b"hello", b"\\ud800"),
        (b"}\n", b""),
        (b"}\n", b"} {}\n"),
    ],
)
def test_a_damaged_line_is_refused(damage: tuple[bytes, bytes]) -> None:
    damaged = ENTRY.replace(*damage)

    assert damaged != ENTRY
    with pytest.raises(FormatError):
        decode_entry(damaged)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "does not begin like a history"),
        (b"hello\n", "does not begin like a history"),
        ('{"format"'.encode("utf-16"), "in UTF-16, as PowerShell writes"),
        (ENTRY, "does not begin like a history"),
        (HEADER.replace(b'"version":1', b'"version":2,"shape":"round"'), "of version 2, and only 1 is known"),
        (HEADER.replace(b'"last_id":1', b'"last_id":"x"'), "last_id"),
        (HEADER.replace(b'"epoch":"9c1f",', b""), "epoch"),
    ],
)
def test_an_invalid_header_is_refused(line: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        decode_header(line)


def test_a_byte_order_mark_before_the_header_is_no_part_of_it() -> None:
    assert decode_header(b"\xef\xbb\xbf" + HEADER) == decode_header(HEADER)
