"""Reading frames: bytes in, frames and faults out. Whatever comes, nothing is raised and little is held."""

import json
import re
from typing import Any, Generic, TypeVar

import msgspec

from trio_chat.chat.text import clean
from trio_chat.wire.cutter import Cutter, Overlong
from trio_chat.wire.frames import FRAME_LIMIT, KEY_LIMIT, REPLY_LIMIT, AnyReply, AnyRequest

_REASON_LIMIT = 200
"""Characters of what the JSON parser says: it may quote what came, at length and as it came."""

_KEY = re.compile(f"[^\ud800-\udfff\ufffd]{{1,{KEY_LIMIT}}}")
"""What can be given back: no half of a character, and nothing that stands for bytes that were none."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = "half a surrogate pair is no character"

FrameT = TypeVar("FrameT")


class FrameFault(Exception):  # noqa: N818  # what came is at fault, not we
    """A line that is no frame: what `error` says of it. `key` and `kind` are its own where they could be read."""

    def __init__(self, code: str, text: str, key: str = "", kind: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.key = key
        self.kind = kind


class FrameDecoder(Generic[FrameT]):
    """Cut a stream of bytes into frames of one side. A frame that is not whole when the stream ends is none."""

    __slots__ = ("_cutter", "_decoder", "_known", "_limit")

    def __init__(self, frames: Any, limit: int) -> None:
        """`frames` is the union of what may come, `limit` the most bytes that each may have."""
        self._limit = limit
        self._cutter = Cutter(limit)
        self._decoder: msgspec.json.Decoder[FrameT] = msgspec.json.Decoder(frames)
        self._known = {kind.__struct_config__.tag for kind in frames.__args__}

    def feed(self, data: bytes) -> list[FrameT | FrameFault]:
        """Take the next bytes; return the frames that they complete, and a FrameFault for each that is none."""
        return [self._decode(line) for line in self._cutter.feed(data) if line]

    def _decode(self, line: bytes | Overlong) -> FrameT | FrameFault:
        if isinstance(line, Overlong):
            return FrameFault("too-long", f"a frame has at most {self._limit} bytes")
        try:
            return self._decoder.decode(line)
        except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, a hundred thousand brackets
            return self._explain(line, error)

    def _explain(self, line: bytes, error: Exception) -> FrameFault:
        partly = _read_partly(line)
        key, kind = partly.get("key"), partly.get("type")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            key = ""
        reason = clean(str(error)[:_REASON_LIMIT])
        if not isinstance(error, msgspec.ValidationError):
            reason = _HALF if _has_half(partly) else reason
            return FrameFault("bad-json", f"not JSON in UTF-8: {reason}", key)
        if isinstance(kind, str) and kind not in self._known:
            return FrameFault("unknown-type", f"there is no frame of type {kind[:32]!r}", key)
        return FrameFault("bad-frame", reason, key, kind if isinstance(kind, str) else "")


def request_decoder() -> FrameDecoder[AnyRequest]:
    """Make what a server reads by."""
    return FrameDecoder(AnyRequest, FRAME_LIMIT)


def reply_decoder() -> FrameDecoder[AnyReply]:
    """Make what a client reads by. Its faults are for the log: it is not the client's to answer them."""
    return FrameDecoder(AnyReply, REPLY_LIMIT)


def is_hello(line: str) -> bool:
    """Tell whether a line is a `hello`, as it should be or not: there can be a password and a session in it."""
    return line.startswith("{") and _read_partly(line.encode(errors="replace")).get("type") == "hello"


def _has_half(found: dict[str, Any]) -> bool:
    """Whether there is half a surrogate pair in it: about these, our parser says whatever else comes to its mind."""
    try:
        return bool(_SURROGATE.search(json.dumps(found, ensure_ascii=False)))
    except RecursionError:
        return False


def _read_partly(line: bytes) -> dict[str, Any]:
    """Read what can be read of a line that is no frame, so that its sender learns which of its requests that was.

    This parser takes what ours does not, such as half a surrogate pair, which is what JavaScript prints of a text that
    was cut inside an emoji.
    """
    try:
        found = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
