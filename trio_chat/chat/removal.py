"""Removal of entries: the tombstone that takes an entry's place, and the notice that tells its room.

The notice is an entry of its own, of the kind REMOVED, whose `to` is the id of what is removed. A journal that keeps it
makes a tombstone of that entry in the same transaction.
"""

from dataclasses import dataclass

import msgspec

from trio_chat.chat.events import SERVER, Draft, Entry, Kind, Receipt

REMOVABLE = (Kind.SAID, Kind.ACTED, Kind.TOPIC, Kind.TOLD, Kind.ANNOUNCED)
"""The kinds of entries that can be removed: those that have the words of somebody."""

REASON_MAX = 200
"""Characters of a reason that a notice shows."""

_SESSION = "removals"
"""The session of all notices, with the id for a key: of two removals of one entry, the journal keeps the first. No
client has so short a session."""


def notice_of(entry: Entry, reason: str = "") -> Draft:
    """Make the notice that removes an entry. `reason` is clean; everybody in the room reads it."""
    target = str(entry.id)
    sentence = sentence_of(entry.draft.kind, entry.draft.author)
    text = f"{sentence}: {reason[:REASON_MAX]}" if reason else sentence
    return Draft(entry.draft.room, Kind.REMOVED, SERVER, text, target, session=_SESSION, key=target)


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal that was posted: its notice, and the receipt for that."""

    notice: Draft
    receipt: Receipt

    @property
    def is_repeat(self) -> bool:
        """True if the notice was not kept, since another one had removed the entry before. Once it is settled."""
        kept = self.receipt.repeated(self.notice.session, self.notice.key)
        return kept is not None and kept.draft is not self.notice


def target_of(draft: Draft) -> int | None:
    """Return the id of the entry that a notice removes; None for every other draft, tombstones among them."""
    if draft.kind is not Kind.REMOVED or not (draft.to.isascii() and draft.to.isdigit() and len(draft.to) <= 18):
        return None
    return int(draft.to)


def is_tombstone(draft: Draft) -> bool:
    """Tell whether a draft stands for one that was removed."""
    return draft.kind is Kind.REMOVED and not draft.to


def tombstone_of(entry: Entry) -> Entry:
    """Make the tombstone of an entry: its id, time, room, author and key, and none of its words."""
    text = sentence_of(entry.draft.kind, entry.draft.author)
    draft = msgspec.structs.replace(entry.draft, kind=Kind.REMOVED, text=text, to="", client="")
    return msgspec.structs.replace(entry, draft=draft)


def tombstone_for(notice: Draft, entry: object) -> Entry | None:
    """Return the tombstone that a notice makes of the entry it names.

    -> None where that is no entry of the same room, is damaged, or has no words that could be removed
    """
    if isinstance(entry, Entry) and entry.draft.kind in REMOVABLE and entry.draft.room == notice.room:
        return tombstone_of(entry)
    return None


def sentence_of(kind: Kind, author: str) -> str:
    """Return the sentence for people. Clients that do not know the kind REMOVED show its text."""
    what = "the topic set by" if kind is Kind.TOPIC else "a message of"
    return f"{what} [{author}] was removed"
