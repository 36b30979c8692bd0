"""Changes of topics: summed up where they would drown what is said in a room.

The first few in a room within a tick are posted one by one. Of the rest only the last one is, with the number of those
that gave way to it: at the next tick, or before anything else that one of their authors does. Until then their receipts
wait. Those that gave way are kept in the room SUPERSEDED, in the same transaction, if they have a key: a client whose
connection broke repeats it, and that must not bring an old topic back over a newer one. Nobody reads them, and no
operator can remove them there, so only a digest of their text is kept.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable

import msgspec

from trio_chat.chat.events import SERVER, SUPERSEDED, Draft, HeldReceipt, Kind, Post, Receipt
from trio_chat.chat.wording import topic_changes

TOPICS_PER_TICK = 3
"""Changes of one room's topic that are posted one by one between two ticks."""

HELD_MAX = 2000
"""Drafts held back in all rooms; where there are more, they are posted before the tick. That takes some 10 ms."""


class HeldTopic:
    """The last change of a room's topic that is not posted yet, and those that gave way to it."""

    __slots__ = ("count", "draft", "keys", "receipt", "superseded")

    def __init__(self, draft: Draft, receipt: HeldReceipt) -> None:
        self.draft = draft
        self.receipt = receipt
        self.count = 0
        """The number of those that gave way, with and without a key."""
        self.superseded: list[Draft] = []
        """Those that gave way and have a key, and repeats."""
        self.keys = {(draft.session, draft.key)} if draft.key else set()

    def change(self, draft: Draft) -> None:
        """Hold another draft in place of the one that is. One that repeats a key only gets the answer of the first."""
        if draft.key and (draft.session, draft.key) in self.keys:
            self.superseded.append(_as_superseded(draft))
            return
        if draft.key:
            self.keys.add((draft.session, draft.key))
        self.supersede_draft()
        self.draft = draft

    def supersede_draft(self) -> None:
        """Count the draft that is held among those that gave way."""
        self.count += 1
        if self.draft.key:
            self.superseded.append(_as_superseded(self.draft))


class TopicNotices:
    """The changes of topics in all rooms."""

    def __init__(self, post: Post, hold: Callable[[], HeldReceipt]) -> None:
        self._post = post
        self._hold = hold
        self._posted: Counter[str] = Counter()
        """Changes that were posted one by one since the last tick, by room."""
        self._held: dict[str, HeldTopic] = {}
        """By room."""
        self._owners: set[str] = set()
        """The owners of the clients whose changes are held, or gave way."""
        self._size = 0

    def holds(self, room: str) -> bool:
        """Tell whether the next change in a room would be held back."""
        return self._posted[room] >= TOPICS_PER_TICK

    def post(self, draft: Draft, *, owner: str) -> Receipt:
        """Post a change that a client of this owner has made, or hold it back."""
        room = draft.room
        if not self.holds(room):
            self._posted[room] += 1
            return self._post(draft)
        if held := self._held.get(room):
            held.change(draft)
        else:
            held = self._held[room] = HeldTopic(draft, self._hold())
        self._owners.add(owner)
        self._size += 1
        if self._size >= HELD_MAX:
            self.sum_up()
        return held.receipt

    def override(self, draft: Draft) -> Receipt:
        """Post a change at once. What is held in its room gives way to it."""
        held = self._held.pop(draft.room, None)
        if held is None:
            return self._post(draft)
        held.supersede_draft()
        return self._post_last(draft, held)

    def tell(self, owner: str) -> None:
        """Post what is held, if a client of this owner has made one of the changes."""
        if owner in self._owners:
            self.sum_up()

    def sum_up(self) -> None:
        """Post the last change in each room where one is held, with the number of those that gave way."""
        changes, self._held = self._held, {}
        self._owners.clear()
        self._size = 0
        for held in changes.values():
            self._post_last(held.draft, held)

    def tick(self) -> None:
        """Sum up, and let changes be posted one by one again."""
        self.sum_up()
        self._posted.clear()

    def _post_last(self, last: Draft, held: HeldTopic) -> Receipt:
        summary = [Draft(last.room, Kind.CROWD, SERVER, topic_changes(held.count))] if held.count else []
        receipt = self._post(*summary, last, superseded=held.superseded)
        held.receipt.settle_with(receipt, held.superseded)
        return receipt


def _as_superseded(draft: Draft) -> Draft:
    return msgspec.structs.replace(draft, room=SUPERSEDED, to=draft.room, text=digest_of_topic(draft.text))


def digest_of_topic(text: str) -> str:
    """Return what is kept of a topic that gave way: enough to recognise it by, in 22 characters."""
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
