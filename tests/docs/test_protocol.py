import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import inspect as types

from trio_chat.chat.events import Kind
from trio_chat.chat.outlet import CloseReason
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault, reply_decoder, request_decoder
from trio_chat.wire.frame_schema import json_schema, schema_text

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
REQUESTS, REPLIES = get_args(frames.AnyRequest), get_args(frames.AnyReply)
PARTS = (frames.You, frames.RoomInfo, frames.Limits, frames.Proof, frames.MemberMemory, frames.Mark, frames.RoomNews)
"""The structs that frames contain."""


def section(heading: str, within: str = DOC) -> str:
    """A section of the document, with those inside it."""
    level = heading.partition(" ")[0]
    _, found, rest = within.partition(f"\n{heading}\n")
    assert found, f"there is no {heading}"
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


TO_SERVER, TO_CLIENT = section("## Client to server"), section("## Server to client")


def words(kind: types.Type) -> str:
    """A type, in the words of the document."""
    match kind:
        case types.StrType(min_length=least, max_length=most):
            length = f", {least} to {most}" if least else f", up to {most}"
            return "string" + (length if most else "")
        case types.IntType(ge=least, le=most):
            return f"integer, {least} to {most}" if most and most < 2**63 - 1 else "integer"
        case types.FloatType():
            return "number"
        case types.BoolType():
            return "boolean"
        case types.ListType(item_type=item, max_length=most):
            return f"array of {words(item).partition(',')[0]}" + (f", up to {most}" if most else "")
        case types.DictType(value_type=value):
            return f"object of {words(value)}"
        case types.UnionType(types=choices):
            return next(words(choice) for choice in choices if not isinstance(choice, types.NoneType))
        case types.StructType(cls=cls):
            return "`entry`" if cls is frames.Said else cls.__name__
        case types.Metadata(type=inner):
            return words(inner)
    raise AssertionError(f"no words for {kind}")


def fields_of(struct: type[msgspec.Struct], omitted: str) -> set[tuple[str, str]]:
    """The name and type of each of a frame's own fields, as the document must give them."""
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    return {
        (f"`{field.encode_name}`", words(field.type) + ("" if field.required or struct is frames.Limits else omitted))
        for field in info.fields
        if field.encode_name != "key" or not issubclass(struct, frames.Frame)
    }


def documented(part: str) -> Iterator[tuple[str, str]]:
    """Name and type of each field in the table of a section; each has a meaning too."""
    table = part.partition("| field | type |")[2].partition("\n\n")[0]
    for name, kind, meaning in re.findall(r"^\| (`\w+`) \| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE):
        assert meaning.strip()
        yield name, kind


def heading_of(frame: type[frames.Frame]) -> str:
    return f"### `{frame.__struct_config__.tag}`"


def codes_in_the_source() -> set[str]:
    """Every code that an error can have where frames are spoken."""
    sources = [ROOT / f"trio_chat/server/sessions/{name}.py" for name in ("frames", "handshake")]
    sources += (ROOT / "trio_chat/wire").glob("frame*.py")
    sources += (ROOT / "trio_chat/chat").glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    found = set(re.findall(r'(?:ChatError\(|FrameFault\(|Error\(code=)\s*"([a-z-]+)"', text))
    return found - {"no-room", "bad-client", "no-such-client"}


@pytest.mark.parametrize("frame", REQUESTS)
def test_every_request_is_documented_with_exactly_its_fields(frame: type[frames.Frame]) -> None:
    assert set(documented(section(heading_of(frame), TO_SERVER))) == fields_of(frame, ", optional")


@pytest.mark.parametrize("frame", REPLIES)
def test_every_reply_is_documented_with_exactly_its_fields(frame: type[frames.Frame]) -> None:
    assert set(documented(section(heading_of(frame), TO_CLIENT))) == fields_of(frame, ", if any")


@pytest.mark.parametrize("part", PARTS)
def test_structs_inside_frames_are_documented_with_exactly_their_fields(part: type[msgspec.Struct]) -> None:
    assert set(documented(section(f"### {part.__name__}"))) == fields_of(part, "")


@pytest.mark.parametrize(("union", "part"), [(REQUESTS, TO_SERVER), (REPLIES, TO_CLIENT)], ids=["requests", "replies"])
def test_no_frame_is_documented_that_does_not_exist(union: tuple[type[frames.Frame], ...], part: str) -> None:
    assert set(re.findall("^### .*$", part, re.MULTILINE)) == {heading_of(frame) for frame in union}


def test_every_kind_of_entry_is_documented() -> None:
    kinds = section("### `entry`", TO_CLIENT).partition("| kind |")[2]

    rows = re.findall(r"^\| `(\w+)` \|", kinds, re.MULTILINE)

    assert sorted(rows) == sorted(Kind), "describe the kind in the table of `entry`, in docs/protocol.md"


def test_every_code_of_an_error_is_documented() -> None:
    documented_codes = set(re.findall(r"^\| `([a-z-]+)` \|", section("### `error`", TO_CLIENT), re.MULTILINE))

    assert codes_in_the_source() <= documented_codes


@pytest.mark.parametrize("farewell", CloseReason)
def test_every_reason_of_a_farewell_is_documented(farewell: CloseReason) -> None:
    assert f"`{farewell.code}`" in section("### `bye`", TO_CLIENT)


def test_the_limits_are_told_as_they_are() -> None:
    limits = section("## Limits")

    assert f"{frames.FRAME_LIMIT:,} bytes" in limits
    assert f"{frames.REPLY_LIMIT // 2**20} MiB" in limits


def test_the_transcript_is_made_of_frames() -> None:
    transcript = section("## Frames in short")
    sent, received = (re.findall(rf"^    {side} (.+)$", transcript, re.MULTILINE) for side in "><")

    requests = request_decoder().feed("\n".join([*sent, ""]).encode())
    replies = reply_decoder().feed("\n".join([*received, ""]).encode())

    assert len(requests) == len(sent) >= 4
    assert not [frame for frame in requests if isinstance(frame, FrameFault)]
    assert [frames.encode(frame).decode() for frame in replies] == [f"{line}\n" for line in received]


def test_the_schema_is_that_of_the_code() -> None:
    assert (ROOT / "docs/protocol.schema.json").read_text(encoding="utf-8") == schema_text(), (
        "`make docs` writes it anew"
    )


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    schema = json_schema()

    references = re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))

    assert len(references) > len(REQUESTS) + len(REPLIES)
    assert set(references) <= set(schema["$defs"])


def test_the_document_shows_the_example_as_it_is() -> None:
    example = (ROOT / "docs/example_client.py").read_text(encoding="utf-8")

    assert f"```python\n{example[example.index('import json') :]}```" in DOC
