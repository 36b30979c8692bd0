"""Decoding frames: bytes to frames and faults. No input raises, and at most one frame is buffered."""

import json
import re
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from trio_chat.chat.text import clean
from trio_chat.chat.typed_line import as_seen, from_first_shape
from trio_chat.wire.frames import FRAME_LIMIT, KEY_LIMIT, REPLY_LIMIT, AnyReply, AnyRequest
from trio_chat.wire.line_splitter import LineSplitter, OverlongLine

_REASON_LIMIT = 200
"""Characters of a JSON parser's message, which may quote the input at length."""

_KEY = re.compile(f"[^\ud800-\udfff\ufffd]{{1,{KEY_LIMIT}}}")
"""A key that can be echoed: without lone surrogates and replacement characters."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE_SURROGATE = "half a surrogate pair is no character"

FrameT = TypeVar("FrameT")


class FrameFault(Exception):  # noqa: N818  # the fault of the peer, not an error of ours
    """A line that is not a frame, with the code and text of the `error` that answers it.

    `key` and `kind` are empty if unreadable."""

    def __init__(self, code: str, text: str, key: str = "", kind: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.key = key
        self.kind = kind


class FrameDecoder(Generic[FrameT]):
    """Decodes a stream of bytes into the frames of one side. A frame that the end of the stream cuts off is dropped."""

    __slots__ = ("_decoder", "_frames", "_limit", "_splitter")

    def __init__(self, frames: Any, limit: int) -> None:
        """`frames` is the union of expected frames, `limit` the bytes that each may have."""
        self._limit = limit
        self._splitter = LineSplitter(limit)
        self._decoder: msgspec.json.Decoder[FrameT] = _decoder_of(frames)
        self._frames = frames

    def feed(self, data: bytes) -> list[FrameT | FrameFault]:
        """Return the frames that the next bytes complete, and a FrameFault for each line that is not a frame."""
        return [self.decode(line) for line in self._splitter.feed(data) if line]

    @property
    def unfinished(self) -> bytes:
        """The beginning of a frame that the bytes so far end in."""
        return self._splitter.unfinished

    def decode(self, line: bytes | OverlongLine) -> FrameT | FrameFault:
        """Return the frame in a line, without its ending, or what is wrong with it."""
        if isinstance(line, OverlongLine):
            return FrameFault("too-long", f"a frame has at most {self._limit} bytes")
        try:
            return self._decoder.decode(line)
        except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, a hundred thousand brackets
            return self._explain(line, error)

    def _explain(self, line: bytes, error: Exception) -> FrameFault:
        found = _parse_leniently(line) if len(line) <= FRAME_LIMIT else {}  # it takes half a second for 16 MiB
        key, kind = found.get("key"), found.get("type")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            key = ""
        reason = clean(str(error)[:_REASON_LIMIT])
        if not isinstance(error, msgspec.ValidationError):
            reason = _LONE_SURROGATE if _has_lone_surrogate(found) else reason
            return FrameFault("bad-json", f"not JSON in UTF-8: {reason}", key)
        if isinstance(kind, str) and kind not in _tags_of(self._frames):
            return FrameFault("unknown-type", f"there is no frame of type {kind[:32]!r}", key)
        return FrameFault("bad-frame", reason, key, kind if isinstance(kind, str) else "")


@cache
def _decoder_of(frames: Any) -> msgspec.json.Decoder[Any]:
    """Make the decoder of one side's frames. It is shared: it keeps nothing between two frames."""
    return msgspec.json.Decoder(frames)


@cache
def _tags_of(frames: Any) -> frozenset[str]:
    """Return the types of one side's frames. The set takes 2 KB, which is much for each of many clients."""
    return frozenset(frame.__struct_config__.tag for frame in frames.__args__)


def request_decoder() -> FrameDecoder[AnyRequest]:
    """Make the decoder of a server."""
    return FrameDecoder(AnyRequest, FRAME_LIMIT)


def reply_decoder() -> FrameDecoder[AnyReply]:
    """Make the decoder of a client, which does not answer faults."""
    return FrameDecoder(AnyReply, REPLY_LIMIT)


def is_hello(line: str) -> bool:
    """Tell whether a line is a `hello`, even an invalid one: it may contain a password and a session secret."""
    return _type_in(line) == "hello"


def is_first_frame(line: str) -> bool:
    """Tell whether a line is a frame with which a client begins, even an invalid one: a `hello`, or a `challenge`."""
    return _type_in(line) in ("hello", "challenge")


def is_tell(line: str) -> bool:
    """Tell whether a line is a `tell`, even an invalid one: it is for one person."""
    return _type_in(line) == "tell"


def _type_in(line: str) -> object:
    """Return the type of the frame that is typed as a line, whatever keys or blanks stand before it."""
    if "{" not in line:
        return None
    seen = as_seen(line)
    frame = from_first_shape(seen) if line.isprintable() else seen[seen.find("{") :]
    return _parse_leniently(frame.encode(errors="replace")).get("type") if frame.startswith("{") else None


def _has_lone_surrogate(found: dict[str, Any]) -> bool:
    """Tell whether an object contains half a surrogate pair, for which msgspec gives misleading messages."""
    try:
        return bool(_SURROGATE.search(json.dumps(found, ensure_ascii=False)))
    except RecursionError:
        return False


def _parse_leniently(line: bytes) -> dict[str, Any]:
    """Parse a line that is not a frame, so that its sender can be told which request it was. -> {} if it is not JSON

    Unlike msgspec, `json` accepts half a surrogate pair, as JavaScript writes for a text cut inside an emoji.
    """
    try:
        found = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
