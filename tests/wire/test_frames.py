import json
import tracemalloc
from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec import inspect as types

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.removal import notice_of, tombstone_of
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameDecoder, FrameFault, reply_decoder, request_decoder
from trio_chat.wire.frames import FRAME_LIMIT, AnyReply, AnyRequest, encode, encode_entry

PING = b'{"type":"ping","key":"p"}\n'

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def values(kind: types.Type) -> st.SearchStrategy[Any]:
    """Any value of a type that a frame may hold, as its struct declares it."""
    match kind:
        case types.StrType(min_length=least, max_length=most):
            return st.text(st.characters(codec="utf-8"), min_size=least or 0, max_size=min(most or 30, 30))
        case types.IntType(ge=least, le=most):
            return st.integers(-(2**63) if least is None else least, 2**63 - 1 if most is None else most)
        case types.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case types.BoolType():
            return st.booleans()
        case types.NoneType():
            return st.none()
        case types.ListType(item_type=item):
            return st.lists(values(item), max_size=3)
        case types.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3).map(tuple)
        case types.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), max_size=3)
        case types.UnionType(types=choices):
            return st.one_of(*map(values, choices))
        case types.StructType(cls=frames.Say, fields=fields):  # with a text, since one without text and lines is none
            given = {field.name: values(field.type) for field in fields}
            return st.builds(frames.Say, **given | {"text": given["text"].filter(lambda text: text is not None)})
        case types.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type) for field in fields})
        case types.Metadata(type=inner):
            return values(inner)
    raise AssertionError(f"no strategy for {kind}")


def frames_of(union: object) -> st.SearchStrategy[list[frames.Frame]]:
    """Some frames of one side, each kind as likely as the other."""
    return st.lists(st.sampled_from(get_args(union)).flatmap(lambda kind: values(types.type_info(kind))), max_size=5)


def feed_in_pieces(decoder: FrameDecoder[Any], stream: bytes, cuts: list[int]) -> list[Any]:
    bounds = [0, *sorted(cuts), len(stream)]
    return [item for start, end in pairwise(bounds) for item in decoder.feed(stream[start:end])]


def request_faults(line: bytes) -> list[FrameFault]:
    """The fault that a server finds in a line that is no frame; the line after it must arrive."""
    *faults, ping = request_decoder().feed(line + b"\n" + PING)
    assert ping == frames.Ping(key="p")
    assert all(isinstance(fault, FrameFault) for fault in faults)
    return faults


@given(frames_of(AnyRequest), st.data())
def test_a_server_reads_requests_of_a_client_however_they_are_split(
    sent: list[frames.Frame], data: st.DataObject
) -> None:
    stream = b"".join(map(encode, sent))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))

    assert feed_in_pieces(request_decoder(), stream, cuts) == sent


@given(frames_of(AnyReply), st.data())
def test_a_client_reads_replies_of_a_server_however_they_are_split(
    sent: list[frames.Frame], data: st.DataObject
) -> None:
    stream = b"".join(map(encode, sent))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))

    assert feed_in_pieces(reply_decoder(), stream, cuts) == sent


@given(st.one_of(frames_of(AnyRequest), frames_of(AnyReply)))
def test_each_frame_is_one_line_of_json_with_its_type(sent: list[frames.Frame]) -> None:
    for frame in sent:
        line = encode(frame)

        assert line.count(b"\n") == 1
        assert json.loads(line)["type"] == frame.__struct_config__.tag


@given(st.lists(st.one_of(st.binary(), st.builds(lambda value: json.dumps(value).encode(), st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS | st.sampled_from(["type", "key", "say", "hello"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "key", "room"]), inner),
    max_leaves=8,
)))))  # fmt: skip
def test_nothing_that_comes_raises_and_each_line_is_at_most_one_thing(lines: list[bytes]) -> None:
    stream = b"".join(line + b"\n" for line in lines)

    found = request_decoder().feed(stream)

    assert len(found) == sum(1 for line in stream.split(b"\n") if line.removesuffix(b"\r"))


BAD_JSON = [
    b'{"type":"ping","x":' + b"[" * 50000,
    b'{"type":"ping","x":' + b"[" * 30000 + b"]" * 30000 + b"}",
    b'{"a":' * 10000 + b"1" + b"}" * 10000,
    b'{"type":"ping","key":NaN}',
    b'{"type":"ping","x":NaN}',
    b'{"type":"ping","x":-Infinity}',
    b'\xef\xbb\xbf{"type":"ping"}',
    b'{"type":"say","room":"lobby","text":"\xff"}',
    b'{"type":"say","room":"lobby","text":"\xed\xa0\x80"}',
    b'{"type":"say","room":"lobby","text":"\\ud800"}',
    b'{"type":"ping","x":"\\ud800"}',
    b'{"type":"say","room":"lobby","text":"\\udc00\\ud800"}',
    b'{"type":"ping"} {"type":"ping"}',
    b'{"type":"ping"',
    b"{'type':'ping'}",
    b'{"type":"ping",}',
    b'{"type":"say","room":"lobby","text":"a\x1b[31m"}',
    b"hello",
    b" ",
    b"\x00",
]

BAD_FRAMES = [
    b'{"type":"history","room":"lobby","limit":1e999}',
    b'{"type":"history","room":"lobby","limit":1.5}',
    b'{"type":"history","room":"lobby","limit":0}',
    b'{"type":"history","room":"lobby","limit":1001}',
    b'{"type":"history","room":"lobby","before":' + b"9" * 60000 + b"}",
    b'{"type":"history","room":"lobby","before":9223372036854775808}',
    b'{"type":"history","room":"lobby","before":-1}',
    b'{"type":"hello"}',
    b'{"type":"hello","protocol":"1"}',
    b'{"type":"hello","protocol":true}',
    b'{"type":"hello","protocol":1,"session":"too short"}',
    b'{"type":"hello","protocol":1,"since":{"lobby":-1}}',
    b'{"type":"hello","protocol":1,"since":[]}',
    b'{"type":"hello","protocol":1,"rooms":"lobby"}',
    b'{"type":"hello","protocol":1,"rooms":[' + b'"a",' * 100 + b'"a"]}',
    b'{"type":"say","room":"lobby"}',
    b'{"type":"say","room":"","text":"x"}',
    b'{"type":"say","room":"lobby","text":null}',
    b'{"type":"say","room":"lobby","text":"' + b"x" * 4097 + b'"}',
    b'{"type":"ping","type":"pong"}',
    b'{"type":null}',
    b'{"type":["ping"]}',
    b"{}",
    b"[]",
    b'[{"type":"ping"}]',
    b"null",
    b"1e999",
    b'"ping"',
]

UNKNOWN = [b'{"type":"frobnicate"}', b'{"type":"Ping"}', b'{"type":""}', b'{"type":"request"}', b'{"type":"welcome"}']


@pytest.mark.parametrize("half", ["\\ud83d", "a\\ud83db", "\\udc00 is", "\\ud83d\\u0041 it", "\\udc00\\ud800"])
def test_c9_half_a_surrogate_pair_is_named_in_the_error(half: str) -> None:
    (of_text,) = request_faults(b'{"type":"say","room":"lobby","text":"%s","key":"k"}' % half.encode())
    (of_end,) = request_faults(b'{"type":"ping","x":["%s"]}' % half.encode())

    assert of_text.text == of_end.text == "not JSON in UTF-8: half a surrogate pair is no character"
    assert of_text.key == "k"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((line, "bad-json") for line in BAD_JSON),
        *((line, "bad-frame") for line in BAD_FRAMES),
        *((line, "unknown-type") for line in UNKNOWN),
        (b"x" * (FRAME_LIMIT + 1), "too-long"),
        (b'{"type":"say","room":"lobby","text":"' + b"x" * 10_000_000 + b'"}', "too-long"),
    ],
    ids=lambda value: value[:32].decode(errors="replace") if isinstance(value, bytes) else value,
)
def test_c9_an_invalid_frame_is_one_fault(line: bytes, code: str) -> None:
    assert [fault.code for fault in request_faults(line)] == [code]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ping","key":"p","x":1e999}',
        b'{"type":"ping","key":"p","x":' + b"9" * 60000 + b"}",
        b'{"type":"ping","key":"p","x":1,"x":2}',
        b'{"type":"ping","key":"old","key":"p"}',
        b'  {"x":[{"type":"say"}],"key":"p","type":"ping"}\t',
    ],
    ids=lambda line: line[:40].decode(),
)
def test_unknown_fields_of_a_frame_are_ignored_and_the_last_of_two_counts(line: bytes) -> None:
    assert request_decoder().feed(line + b"\n") == [frames.Ping(key="p")]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"say","room":5,"text":"x","key":"k"}',
        b'{"key":"k","type":"frobnicate"}',
        b'{"key":"k","type":5}',
        b'{"key":"k"}',
        b'{"type":"say","room":"lobby","text":"\\ud800","key":"k"}',
        b'{"type":"say","room":"lobby","text":"\xff","key":"k"}',
        b'{"type":"history","room":"lobby","limit":NaN,"key":"k"}',
    ],
)
def test_a_fault_bears_the_key_of_its_line_where_that_can_be_read(line: bytes) -> None:
    assert [fault.key for fault in request_faults(line)] == ["k"]


@pytest.mark.parametrize("key", [b"5", b'"' + b"k" * 65 + b'"', b'"\\ud800"', b'"\xff"', b"null", b'{"a":1}'])
def test_an_invalid_key_is_not_echoed(key: bytes) -> None:
    assert [fault.key for fault in request_faults(b'{"type":"ping","key":' + key + b"}")] == [""]


@pytest.mark.parametrize("name", [b"type", b"x"])
def test_the_text_of_a_fault_is_short_and_printable(name: bytes) -> None:
    line = b'{"type":"ping","' + name + b'":"' + b"\\u001b[31m" * 5000 + b'", "type":"pong"}'

    for fault in request_faults(line):
        assert len(fault.text) <= 250
        assert fault.text.isprintable()


def test_empty_lines_are_ignored_and_crlf_ends_a_line_too() -> None:
    assert request_decoder().feed(b"\n\r\n\n" + PING.replace(b"\n", b"\r\n")) == [frames.Ping(key="p")]


def test_a_frame_that_is_not_whole_is_not_taken() -> None:
    assert request_decoder().feed(PING.rstrip(b"\n")) == []


@pytest.mark.parametrize(("excess", "is_taken"), [(-1, True), (0, True), (1, False)])
def test_the_limit_of_a_frame_counts_its_bytes_without_the_newline(excess: int, is_taken: bool) -> None:
    line = b'{"type":"ping","key":"p","x":"%s"}'
    line %= b"x" * (FRAME_LIMIT + excess - len(line) + 2)

    (found,) = request_decoder().feed(line + b"\n")

    assert len(line) == FRAME_LIMIT + excess
    assert isinstance(found, frames.Ping) is is_taken


def test_an_endless_frame_is_one_fault_and_not_kept() -> None:
    decoder = request_decoder()

    found = [item for _ in range(100) for item in decoder.feed(b"x" * 16384)]

    assert [fault.code for fault in found if isinstance(fault, FrameFault)] == ["too-long"]
    assert len(decoder._splitter._rest) <= FRAME_LIMIT
    assert decoder.feed(b"x\n" + PING) == [frames.Ping(key="p")]


def test_a_client_reads_the_largest_page() -> None:
    entry = Entry(
        2**63 - 1, 1.8e9, Draft("r" * 64, Kind.SAID, "n" * 64, "\U0001f642" * frames.TEXT_LIMIT, key="k" * 65)
    )

    page = frames.Page(entries=[frames.said(entry)] * frames.PAGE_LIMIT, more=True, key="k" * frames.KEY_LIMIT)

    assert len(encode(page)) > FRAME_LIMIT
    assert reply_decoder().feed(encode(page)) == [page]


def test_the_longest_thing_to_say_fits_a_frame_however_it_is_escaped() -> None:
    say = {"type": "say", "room": "lobby", "text": "\U0001f642" * frames.TEXT_LIMIT, "key": "k" * frames.KEY_LIMIT}

    (found,) = request_decoder().feed(json.dumps(say, ensure_ascii=True).encode() + b"\n")

    assert isinstance(found, frames.Say)


def test_an_entry_is_encoded_with_its_key_and_without_empty_fields() -> None:
    entry = Entry(7, 1.5, Draft("lobby", Kind.SAID, "alice", "héllo", client="c1", session="secret", key="k1"))

    assert encode_entry(entry) == (
        b'{"type":"entry","key":"k1","id":7,"room":"lobby","kind":"said","time":1.5,"author":"alice",'
        b'"text":"h\xc3\xa9llo"}\n'
    )


def test_an_entry_never_shows_a_session() -> None:
    entry = Entry(7, 1.5, Draft("@5e55104", Kind.TOLD, "alice", "psst", "bob", "c1", "5e55104", "k1"))

    printed = encode_entry(entry)

    assert b"5e55104" not in printed
    assert json.loads(printed)["room"] == "@"


def test_a_repeated_acknowledgement_is_marked() -> None:
    entry = Entry(7, 1.5, Draft("lobby", Kind.SAID, "alice", "hi", key="k1"))

    (found,) = reply_decoder().feed(encode(frames.said(entry, again=True)))

    assert found == frames.said(entry, again=True) != frames.said(entry)


def test_a_client_stands_a_kind_of_entry_that_it_does_not_know() -> None:
    line = b'{"type":"entry","id":1,"room":"lobby","kind":"sung","time":1,"author":"alice","text":"la"}\n'

    (found,) = reply_decoder().feed(line)

    assert isinstance(found, frames.Said)


def test_nothing_is_printed_that_could_not_be_read() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode(frames.Say(room="lobby", text="\ud800"))


def test_each_type_is_of_one_frame_on_each_side() -> None:
    for union in (AnyRequest, AnyReply):
        tags = [kind.__struct_config__.tag for kind in get_args(union)]

        assert len(tags) == len(set(tags))


def test_every_frame_declared_can_come() -> None:
    declared = {kind for kind in vars(frames).values() if isinstance(kind, type) and issubclass(kind, frames.Frame)}

    assert declared - {frames.Frame, frames.Request, frames.Reply} == {*get_args(AnyRequest), *get_args(AnyReply)}


def test_a_missing_field_of_a_request_has_its_default() -> None:
    (hello,) = request_decoder().feed(b'{"type":"hello","protocol":1}\n')

    assert hello == frames.Hello(protocol=1)
    assert isinstance(hello, frames.Hello)
    assert hello.rooms == ["lobby"]
    assert msgspec.json.decode(encode(hello)).get("since", UNSET) is UNSET


def test_a_removal_names_the_entry_and_has_no_key_and_its_tombstone_has_the_key_and_names_none() -> None:
    entry = Entry(42, 5.0, Draft("lobby", Kind.SAID, "bob", "secret", session="s", key="k"))

    notice = encode_entry(Entry(43, 6.0, notice_of(entry, "rude")))
    tombstone = encode_entry(tombstone_of(entry))

    sentence = "a message of [bob] was removed"
    assert json.loads(notice) == {
        "type": "entry",
        "id": 43,
        "room": "lobby",
        "kind": "removed",
        "time": 6.0,
        "author": "server",
        "text": f"{sentence}: rude",
        "removes": 42,
    }
    assert json.loads(tombstone) == {
        "type": "entry",
        "id": 42,
        "room": "lobby",
        "kind": "removed",
        "time": 5.0,
        "author": "bob",
        "text": sentence,
        "key": "k",
    }


def test_a_decoder_keeps_little_for_each_of_many_clients() -> None:
    request_decoder().feed(b'{"type":"unknown"}\n')
    tracemalloc.start()
    try:
        decoders = [request_decoder() for _ in range(100)]
        for decoder in decoders:
            decoder.feed(b'{"type":"unknown"}\n')
        size_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size_bytes / len(decoders) < 300
