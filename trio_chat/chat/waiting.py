"""Bounds on private messages that wait for members who are away: a sum for each, and a share for each sender."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Draft, Receipt

WAITING_MAX = 500
"""Messages that wait for one member."""

SHARE_MAX = 50
"""Those of one sender among them: an account, or an address."""

SENT_MAX = 1_000
"""Messages of one sender that wait for anybody."""

TOTAL_MAX = 100_000
"""Messages that wait for anybody, as far as they are counted here: some 20 MB if each is from somebody else."""

_DIGEST_BYTES = 3
"""So few that many addresses of the world share a digest; two senders who meet in one share a bound."""


def sender_of(client: Client) -> str:
    """Return the key under which messages of a client that wait are counted: its account, or else `origin_digest`."""
    return client.account or origin_digest(client)


def origin_digest(client: Client) -> str:
    """Return a digest of a client's address, or of the network that counts as one. -> 6 hex digits"""
    origin = str(client.origin) if client.origin >= 0 else client.address
    return blake2b(origin.encode(), digest_size=_DIGEST_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class _Posted:
    """A message that is counted, and may yet turn out to be kept already, or not to be kept."""

    recipient: str
    sender: str
    counted: Counter[str]
    receipt: Receipt
    draft: Draft
    newest_id: int

    @property
    def name(self) -> tuple[str, str] | None:
        """The pair by which a repeat is known; None for a message without a key."""
        return (self.draft.session, self.draft.key) if self.draft.key else None

    @property
    def is_kept(self) -> bool:
        """True if a message waits because of this. Once the receipt is settled."""
        first = self.receipt.repeated(self.draft.session, self.draft.key) if self.draft.key else None
        return self.receipt.error is None and (first is None or first.id > self.newest_id)


class WaitingMessages:
    """The number of messages that wait for each member, by sender."""

    def __init__(self) -> None:
        self._by_recipient: dict[str, Counter[str]] = {}
        self._by_sender: Counter[str] = Counter()
        self._total = 0
        self._posted: deque[_Posted] = deque()
        """Those that are on their way to the journal, in the order of posting."""
        self._names: set[tuple[str, str]] = set()

    def restore(self, waiting: Iterable[tuple[str, str, int]]) -> None:
        """Count messages that waited when the server was started: recipient, sender, number. "" is no known sender."""
        for recipient, sender, number in waiting:
            self._count(recipient, sender, number)

    def note(self, recipient: str, sender: str) -> None:
        """Count a message that another node has posted, and that is kept."""
        self._count(recipient, sender, 1)

    def check(self, recipient: str, sender: str, shown: str) -> None:
        """Raise ChatError ("full") where a member, `shown` to others, is left no more messages by a sender."""
        self._settle()
        waiting = self._by_recipient.get(recipient, Counter())
        if waiting[sender] >= SHARE_MAX:
            raise ChatError("full", f"{SHARE_MAX} messages of yours wait for [{shown}]: more when they have read them")
        if self._by_sender[sender] >= SENT_MAX:
            raise ChatError("full", f"{SENT_MAX:,} messages of yours wait for members who are away: no more for now")
        if waiting.total() >= WAITING_MAX or self._total >= TOTAL_MAX:
            raise ChatError("full", f"as many messages wait for [{shown}] as may: more when they have read them")

    def add(self, recipient: str, sender: str, draft: Draft, receipt: Receipt, *, newest_id: int) -> None:
        """Count a message that was posted, unless its draft repeats one that is on its way.

        It counts no longer once the receipt says that it was not kept, or that it repeats an entry up to `newest_id`,
        the newest at posting.
        """
        counted = self._by_recipient.setdefault(recipient, Counter())
        posted = _Posted(recipient, sender, counted, receipt, draft, newest_id)
        if posted.name:
            if posted.name in self._names:
                return
            self._names.add(posted.name)
        self._count(recipient, sender, 1)
        self._posted.append(posted)

    def forget(self, recipient: str) -> None:
        """Count nothing any more for a member, who is here, or whose name was removed."""
        waiting = self._by_recipient.pop(recipient, Counter())
        for sender, number in waiting.items():
            self._uncount(sender, number)

    def _settle(self) -> None:
        """Take back what was counted and is not kept."""
        while self._posted and self._posted[0].receipt.is_settled:
            posted = self._posted.popleft()
            if posted.name:
                self._names.discard(posted.name)
            counted = self._by_recipient.get(posted.recipient)
            if counted is posted.counted and not posted.is_kept:
                counted[posted.sender] -= 1
                self._uncount(posted.sender, 1)

    def _count(self, recipient: str, sender: str, number: int) -> None:
        self._by_recipient.setdefault(recipient, Counter())[sender] += number
        self._by_sender[sender] += number
        self._total += number

    def _uncount(self, sender: str, number: int) -> None:
        self._total -= number
        self._by_sender[sender] -= number
        if not self._by_sender[sender]:
            del self._by_sender[sender]
