"""Answers of commands. A session in lines or in frames does for its client what each of them says."""

import msgspec

from trio_chat.chat.events import Receipt
from trio_chat.chat.moments import Bounds
from trio_chat.chat.wording import SEARCH_MAX, YOU_HAVE_LEFT


class Posted(msgspec.Struct, frozen=True):
    """Something was posted; the receipt tells when it is kept.

    Nothing of it is to be shown here: in frames, its author is sent the entry like everyone else; in lines, it is sent
    entries of `Call.say` and `Call.act` whose text it did not type itself.
    """

    receipt: Receipt
    lines: tuple[str, ...] = ()
    """An answer besides the entry, printed at once."""
    confirmation: tuple[str, ...] = ()
    """Printed in lines alone, once the entry is durable: it stands for an entry that is sent in frames alone."""


class TextReply(msgspec.Struct, frozen=True):
    """Lines for the one who asked, printed as they are."""

    lines: tuple[str, ...] = ()


class HistoryQuery(msgspec.Struct, frozen=True):
    """The last `limit` entries of a room within `bounds`, or the first after one, for the one who asked."""

    room: str
    limit: int
    bounds: Bounds = Bounds()


class SearchQuery(msgspec.Struct, frozen=True):
    """The newest entries of a room, `limit` at most, that hold all the words, for the one who asked."""

    room: str
    words: str
    limit: int = SEARCH_MAX


class LeaveChat(msgspec.Struct, frozen=True):
    """The one who asked wants to leave. In lines, `text` is told to it: `nc` runs on until Enter is pressed."""

    text: str = YOU_HAVE_LEFT


Answer = Posted | TextReply | HistoryQuery | SearchQuery | LeaveChat
