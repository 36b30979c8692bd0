"""Notices about our own messages that wait for a connection, were sent late, or failed. Pure."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from trio_chat.client.link.events import Cancelled, Delayed, Failed, Message, Pending, Sent, lines_of
from trio_chat.client.transcript.link_state import LinkState
from trio_chat.client.transcript.paste import beginning_of


class DeliveryNotices:
    """Follows the messages that could not be sent at once. Nothing is said about the others."""

    def __init__(self) -> None:
        self.offline_reason = ""
        """The reason why there is no connection; empty while there is one."""
        self.shows_waiting = False
        """True if messages are shown that the server has not kept yet: there is a prompt, above which they stand."""
        self.waiting: dict[str, Message] = {}
        """The messages to be shown so, by key. They are in the outbox: each is sent, or reported as failed, whatever
        happens to the client."""
        self._delayed: dict[str, int] = {}
        """Lines of the messages that could not be sent at once, by key."""
        self._sent_late = 0

    def resume(self, pending: Iterable[Message]) -> int:
        """Take over the messages of last time. -> the number of their lines"""
        self._delayed = _line_counts(pending)
        return sum(self._delayed.values())

    def disconnected(self, reason: str, link: LinkState) -> tuple[str, ...]:
        """Announce a lost connection, but not each failed attempt to reconnect."""
        was_offline, self.offline_reason = bool(self.offline_reason), reason
        if was_offline:
            return ()
        self._delayed |= _line_counts(link.pending)
        waiting = (_waiting(self._delayed),) if self._delayed else ()
        again = " (trying again)" if reason.endswith("?") else "; trying again"
        return (f"{reason}{again}", *waiting)

    def notices(self, event: Pending | Sent | Delayed | Failed | Cancelled, link: LinkState) -> tuple[str, ...]:
        """Return the notices about the fate of a message."""
        match event:
            case Pending(message=message):
                if self.shows_waiting:
                    self.waiting[message.key] = message
                return self._queue(message, link)
            case Sent(message=message):
                return self._settle(message, is_sent=True)
            case Delayed(message=message, reason=reason):
                self._delayed |= _line_counts([message])
                return (f"not sent yet, it will be tried again: {reason}: {beginning_of(lines_of(message))}",)
            case Failed(message=message, reason=reason):
                return (
                    f"not sent: {reason}: {beginning_of(lines_of(message))}",
                    *self._settle(message, is_sent=False),
                )
            case Cancelled(messages=messages):
                count = count_lines(sum(_line_counts(messages).values()))
                settled = [notice for message in messages for notice in self._settle(message, is_sent=False)]
                return (f"{count} not sent: taken back", *settled)
            case _:
                assert_never(event)

    def _queue(self, message: Message, link: LinkState) -> tuple[str, ...]:
        """Count a message that waits for a connection. -> the notice that says how many do"""
        if link.is_connected or not self.offline_reason:
            return ()
        is_told = self.shows_waiting and bool(self._delayed)  # later ones stand above the prompt
        self._delayed |= _line_counts([message])
        return () if is_told else (_waiting(self._delayed),)

    def _settle(self, message: Message, *, is_sent: bool) -> tuple[str, ...]:
        """Remove a message from the delayed ones. -> when none is left, a notice of how many lines were sent"""
        self.waiting.pop(message.key, None)
        count = self._delayed.pop(message.key, 0)
        if not count:
            return ()
        self._sent_late += count if is_sent else 0
        if self._delayed or not self._sent_late:
            return ()
        count, self._sent_late = self._sent_late, 0
        return (f"{count_lines(count)} sent",)


def count_lines(count: int) -> str:
    """Return a number with `line` or `lines`."""
    return f"{count} line" if count == 1 else f"{count} lines"


def _line_counts(messages: Iterable[Message]) -> dict[str, int]:
    return {message.key: len(lines_of(message)) for message in messages}


def _waiting(delayed: Mapping[str, int]) -> str:
    return f"not connected: {count_lines(sum(delayed.values()))} will be sent later"
