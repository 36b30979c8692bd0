"""Bounds on private messages that wait for members who are away: a sum for each, and a share for each sender."""

from collections import Counter

from trio_chat.chat.errors import ChatError

WAITING_MAX = 500
"""Messages that wait for one member."""

SHARE_MAX = 50
"""Those of one sender among them: an account, or an address."""

SENT_MAX = 1_000
"""Messages of one sender that wait for anybody."""

TOTAL_MAX = 100_000
"""Messages that wait for anybody, as far as they are counted here: some 20 MB if each is from somebody else."""


class WaitingMessages:
    """The number of messages that wait for each member, by sender.

    Trade-off: counted since the start of the server. A restart lets each sender leave as many again.
    """

    def __init__(self) -> None:
        self._by_recipient: dict[str, Counter[str]] = {}
        self._by_sender: Counter[str] = Counter()
        self._total = 0

    def check(self, recipient: str, sender: str, shown: str) -> None:
        """Raise ChatError ("full") where a member, `shown` to others, is left no more messages by a sender."""
        waiting = self._by_recipient.get(recipient, Counter())
        if waiting[sender] >= SHARE_MAX:
            raise ChatError("full", f"{SHARE_MAX} messages of yours wait for [{shown}]: more when they have read them")
        if self._by_sender[sender] >= SENT_MAX:
            raise ChatError("full", f"{SENT_MAX:,} messages of yours wait for members who are away: no more for now")
        if waiting.total() >= WAITING_MAX or self._total >= TOTAL_MAX:
            raise ChatError("full", f"as many messages wait for [{shown}] as may: more when they have read them")

    def add(self, recipient: str, sender: str) -> None:
        """Count a message."""
        self._by_recipient.setdefault(recipient, Counter())[sender] += 1
        self._by_sender[sender] += 1
        self._total += 1

    def forget(self, recipient: str) -> None:
        """Count nothing any more for a member, who is here."""
        waiting = self._by_recipient.pop(recipient, Counter())
        self._total -= waiting.total()
        for sender, count in waiting.items():
            self._by_sender[sender] -= count
            if not self._by_sender[sender]:
                del self._by_sender[sender]
