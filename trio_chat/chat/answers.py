"""Answers of commands, which a session carries out for its client, each in its own wire format."""

from typing import Literal

import msgspec

from trio_chat.chat.events import Receipt
from trio_chat.chat.moments import Bounds
from trio_chat.chat.search_query import SearchTerms
from trio_chat.chat.wording import SEARCH_MAX, YOU_HAVE_LEFT


class Posted(msgspec.Struct, frozen=True, gc=False):
    """Something was posted; the receipt tells when it is kept.

    Nothing of it is to be shown here: in frames, its author is sent the entry like everyone else; in lines, it is sent
    entries of `Call.say` and `Call.act` whose text it did not type itself.
    """

    receipt: Receipt
    lines: tuple[str, ...] = ()
    """An answer besides the entry, printed at once."""
    confirmation: tuple[str, ...] = ()
    """Printed in lines alone, once the entry is durable: it stands for an entry that is sent in frames alone."""
    count: int = 1
    """The lines that were typed for it."""


class TextReply(msgspec.Struct, frozen=True):
    """Lines for the client that asked, printed as they are."""

    lines: tuple[str, ...] = ()


class HistoryQuery(msgspec.Struct, frozen=True):
    """The last `limit` entries of a room within `bounds`, or the first after one, for the one who asked."""

    room: str
    limit: int
    bounds: Bounds = Bounds()


class SearchQuery(msgspec.Struct, frozen=True):
    """A request for the newest entries of these rooms, `limit` at most, that a search finds."""

    rooms: tuple[str, ...]
    terms: SearchTerms
    limit: int = SEARCH_MAX


class LeaveChat(msgspec.Struct, frozen=True):
    """The client wants to leave. In lines it is sent `text`, since `nc` runs on until Enter is pressed."""

    text: str = YOU_HAVE_LEFT


RequestedOfNames = Literal["register", "login", "password", "keys", "key-add", "key-remove", "whois", "invite"]


class NameRequest(msgspec.Struct, frozen=True):
    """A request about names, which may have to wait: a session carries it out.

    `name` is the one that it is about; `secret` a password or the code of an invite, "" to be asked for it; `text` a
    public key or its fingerprint.
    """

    what: RequestedOfNames
    name: str = ""
    secret: str = ""
    text: str = ""

    def __repr__(self) -> str:
        """Show no secret: what is logged of a failure has the values of its frames."""
        return f"NameRequest({self.what!r})"


class MentionsQuery(msgspec.Struct, frozen=True):
    """A request for the newest `limit` entries that call the one who asks."""

    limit: int


Answer = Posted | TextReply | HistoryQuery | SearchQuery | NameRequest | MentionsQuery | LeaveChat
