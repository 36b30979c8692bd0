"""The rules of removing entries: which can be removed, and the refusals of all others."""

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.removal import REMOVABLE, is_tombstone


def check_removable(entry: Entry) -> None:
    """Raise ChatError for an entry that cannot be removed."""
    if is_tombstone(entry.draft):
        raise removed_before(entry.id)
    if entry.draft.kind is Kind.REMOVED:
        raise ChatError("not-removable", f"entry {entry.id} only tells that another one was removed")
    if entry.draft.kind not in REMOVABLE:
        raise ChatError("not-removable", f"entry {entry.id} tells who came or went: only what was said can be removed")


def removed_before(entry_id: int) -> ChatError:
    """Return the refusal to remove an entry twice."""
    return ChatError("removed-before", f"entry {entry_id} was removed before")
