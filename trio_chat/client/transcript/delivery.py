"""Notices about our own messages: which wait for a connection, which were sent late, which failed. Pure."""

from collections.abc import Iterable
from typing import assert_never

from trio_chat.client.link.events import Delayed, Failed, Message, Pending, Sent
from trio_chat.client.transcript.link_state import LinkState


class DeliveryNotices:
    """Follows the messages that could not be sent at once. Nothing is said about the others."""

    def __init__(self) -> None:
        self.offline_reason = ""
        """Why there is no connection; empty while there is one."""
        self._delayed: set[str] = set()
        """Keys of the messages that could not be sent at once."""
        self._sent_late = 0

    def resume(self, pending: Iterable[Message]) -> int:
        """Take over the messages of last time. -> their number"""
        self._delayed = {message.key for message in pending}
        return len(self._delayed)

    def disconnected(self, reason: str, link: LinkState) -> tuple[str, ...]:
        """Announce a lost connection once, not again at each attempt to reconnect."""
        was_offline, self.offline_reason = bool(self.offline_reason), reason
        if was_offline:
            return ()
        self._delayed |= {message.key for message in link.pending}
        waiting = (_waiting(len(self._delayed)),) if self._delayed else ()
        return (f"{reason}; trying again", *waiting)

    def notices(self, event: Pending | Sent | Delayed | Failed, link: LinkState) -> tuple[str, ...]:
        """Return the notices about what became of a message."""
        match event:
            case Pending(message=message):
                return self._queued(message, link)
            case Sent(message=message):
                return self._settled(message, is_sent=True)
            case Delayed(message=message, reason=reason):
                self._delayed.add(message.key)
                return (f"not sent yet, it will be tried again: {reason}: {message.text}",)
            case Failed(message=message, reason=reason):
                return (f"not sent: {reason}: {message.text}", *self._settled(message, is_sent=False))
            case _:
                assert_never(event)

    def _queued(self, message: Message, link: LinkState) -> tuple[str, ...]:
        if link.is_connected or not self.offline_reason:
            return ()
        self._delayed.add(message.key)
        return (_waiting(len(self._delayed)),)

    def _settled(self, message: Message, *, is_sent: bool) -> tuple[str, ...]:
        """Take a message off the delayed ones. -> how many were sent, when none is left"""
        if message.key not in self._delayed:
            return ()
        self._delayed.discard(message.key)
        self._sent_late += is_sent
        if self._delayed or not self._sent_late:
            return ()
        count, self._sent_late = self._sent_late, 0
        return (f"{count_lines(count)} sent",)


def count_lines(count: int) -> str:
    """Return a number of lines in words."""
    return f"{count} line" if count == 1 else f"{count} lines"


def _waiting(count: int) -> str:
    return f"not connected: {count_lines(count)} will be sent later"
