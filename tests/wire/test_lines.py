import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.wire.lines import LINE_LIMIT, LineDecoder, LineFault, encode_entry, encode_notice, line_of


def feed_all(*pieces: bytes) -> list[str | LineFault]:
    decoder = LineDecoder()
    found = [item for piece in pieces for item in decoder.feed(piece)]
    return found + decoder.finish()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)), st.data())
def test_lines_split_anywhere_arrive_whole(lines: list[str], data: st.DataObject) -> None:
    ending = st.sampled_from(["\n", "\r\n"])
    stream = b"".join((line + data.draw(ending)).encode() for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))

    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert feed_all(*pieces) == lines


def test_a_line_one_byte_at_a_time_arrives_once() -> None:
    assert feed_all(*(bytes([byte]) for byte in "héllo 🙂\n".encode())) == ["héllo 🙂"]


def test_a_last_line_without_a_newline_counts_at_the_end() -> None:
    assert feed_all(b"one\ntwo") == ["one", "two"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize(("size", "is_taken"), [(LINE_LIMIT - 1, True), (LINE_LIMIT, True), (LINE_LIMIT + 1, False)])
def test_the_limit_counts_bytes_without_the_ending(size: int, is_taken: bool, ending: bytes) -> None:
    line = "a" * (size - 4) + "🙂"

    assert feed_all(line.encode() + ending) == [line if is_taken else LineFault.TOO_LONG]


def test_an_endless_line_is_one_fault_and_what_follows_its_newline_is_read() -> None:
    decoder = LineDecoder()

    found = [item for _ in range(100) for item in decoder.feed(b"x" * 16384)]

    assert found == [LineFault.TOO_LONG]
    assert decoder.feed(b"x\nnext\n") == ["next"]


def test_an_endless_line_is_not_kept() -> None:
    decoder = LineDecoder()
    for _ in range(100):
        decoder.feed(b"x" * 16384)

    assert len(decoder._splitter._rest) <= LINE_LIMIT


@pytest.mark.parametrize("bad", [b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"ok \xf0\x9f\x99"])
def test_invalid_utf8_is_a_fault_of_its_line_alone(bad: bytes) -> None:
    assert feed_all(b"before\n" + bad + b"\nafter\n") == ["before", LineFault.NOT_UTF8, "after"]


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        (Kind.SAID, "hello @smile", b"[alice]> hello @smile\n"),
        (Kind.ACTED, "waves", b"* [alice] waves\n"),
        (Kind.JOINED, "", b"*** [alice] joined the chat ***\n"),
        (Kind.JOINED, "#lobby", b"*** [alice] joined #lobby ***\n"),
        (Kind.LEFT, "", b"*** [alice] left the chat ***\n"),
        (Kind.LEFT, "#lobby", b"*** [alice] left #lobby ***\n"),
        (Kind.KICKED, "", b"*** [alice] was kicked ***\n"),
        (Kind.RENAMED, "bob", b"*** [alice] is now [bob] ***\n"),
        (Kind.TOPIC, "food", b"*** [alice] set the topic: food ***\n"),
        (Kind.TOPIC, "", b"*** [alice] cleared the topic ***\n"),
        (Kind.ANNOUNCED, "lunch", b"[alice]> lunch\n"),
    ],
)
def test_an_entry_is_printed_to_the_byte(kind: Kind, text: str, line: bytes) -> None:
    assert encode_entry(Entry(1, 0.0, Draft("lobby", kind, "alice", text))) == line


def test_a_notice_is_one_line_between_stars() -> None:
    assert encode_notice("hi") == b"*** hi ***\n"


DRAFTS = {
    Kind.SAID: ("[alice®]> hi", "hi"),
    Kind.ACTED: ("* [alice®] waves", "waves"),
    Kind.TOLD: ("[alice® -> bob®]> hi", "hi"),
    Kind.JOINED: ("*** [alice®] joined the chat ***", ""),
    Kind.LEFT: ("*** [alice®] left #lobby ***", "#lobby"),
    Kind.TOPIC: ("*** [alice®] set the topic: hi ***", "hi"),
    Kind.KICKED: ("*** [alice®] was kicked ***", ""),
    Kind.RENAMED: ("*** [alice] is now [bob®] ***", "bob"),
    Kind.CROWD: ("*** 12 joined and 3 left ***", "12 joined and 3 left"),
    Kind.ANNOUNCED: ("[alice®]> hi", "hi"),
    Kind.REMOVED: ("*** a message of [alice] was removed ***", "a message of [alice] was removed"),
}
"""For each kind, the line of an entry of a member, and the text of that entry."""


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_entry_has_a_line(kind: Kind) -> None:
    assert kind in DRAFTS, "give the kind a case in `line_of`, in wire/lines.py, and a row of DRAFTS, in this file"


@pytest.mark.parametrize("kind", DRAFTS)
def test_a_proven_name_bears_its_mark_in_every_line_and_any_other_does_not(kind: Kind) -> None:
    line, text = DRAFTS[kind]
    proven = Draft("lobby", kind, "alice", text, "bob", account="a" * 16, to_account="b" * 16)

    assert line_of(Entry(1, 0.0, proven)) == line
    assert line_of(Entry(1, 0.0, replace(proven, account="", to_account=""))) == line.replace("®", "")
