"""The queue of requests that a client is about to send on its present connection. Pure.

It splits messages of several lines for a server that takes one line a request, and holds messages back while enough
lines are on their way: a paste can then be stopped.
"""

from collections import deque
from collections.abc import Collection, Mapping

from trio_chat.client.link.events import Message, lines_of
from trio_chat.wire import frames

PONGS_MAX = 100
"""Requests in the queue above which pings are not answered: a server could send them faster than it reads."""

_PART = "."
"""Between the key of a message and the number of one of its lines. The keys that the link makes are hexadecimal."""


class RequestQueue:
    """Requests in the order in which they are sent, and the messages on their way."""

    def __init__(self, pending: Mapping[str, Message]) -> None:
        """`pending` has the messages that are not acknowledged, by key; it is only read here."""
        self._pending = pending
        self._requests: deque[frames.Request] = deque()
        self._in_flight: dict[str, int] = {}
        """Lines of the messages that were sent on this connection and are not acknowledged, by key."""
        self.lines_in_flight_max: int | None = None
        """Lines of messages that may be on their way to the server at once; None for any number."""
        self.say_lines_max = 1
        """Lines of one `say`, as the server takes it."""

    def put(self, *requests: frames.Request) -> None:
        """Append requests."""
        self._requests.extend(requests)

    def put_message(self, message: Message) -> None:
        """Append a message as the server takes it: one of several lines as one for each, where it knows no others.

        The last one has the key of the message, so that its entry acknowledges all.
        """
        lines = lines_of(message)
        if not isinstance(message, frames.Say) or len(lines) <= max(self.say_lines_max, 1):
            self.put(message)
            return
        lines = [line for line in lines if line]  # a text alone is never blank
        keys = [f"{message.key}{_PART}{number}" for number in range(1, len(lines))]
        self.put(
            *(
                frames.Say(room=message.room, text=line, key=key)
                for line, key in zip(lines, (*keys, message.key), strict=True)
            )
        )

    def put_pong(self, key: str) -> None:
        """Append the answer to a ping, unless the server does not read."""
        if len(self._requests) < PONGS_MAX and len(key) <= frames.KEY_LIMIT:
            self.put(frames.Pong(key=key))

    def take(self, count: int) -> list[frames.Request]:
        """Return the next requests to send, at most `count`; while enough lines are in flight, no messages."""
        taken: list[frames.Request] = []
        while self._requests and len(taken) < count and not self._must_wait(self._requests[0]):
            taken.append(self._taken(self._requests.popleft()))
        if not taken:
            taken += [request for request in self._requests if isinstance(request, frames.Ping | frames.Pong)][:count]
            for request in taken:
                self._requests.remove(request)
        return taken

    def is_in_flight(self, key: str) -> bool:
        """Tell whether any part of a message was sent on this connection."""
        return key in self._in_flight

    def settle(self, key: str) -> None:
        """Note that a message is no longer on its way."""
        self._in_flight.pop(key, None)

    def drop(self, keys: Collection[str]) -> None:
        """Drop the requests of the messages with these keys."""
        self._requests = deque(
            request for request in self._requests if request.key not in keys and message_key(request.key) not in keys
        )

    def drop_messages(self) -> None:
        """Drop the requests of all messages."""
        self._requests = deque(request for request in self._requests if not isinstance(request, Message))

    def clear(self) -> None:
        """Drop everything: the connection is lost."""
        self._requests.clear()
        self._in_flight.clear()

    def _must_wait(self, request: frames.Request) -> bool:
        """Tell whether a message must wait for others to be acknowledged. One whose first lines were sent goes on."""
        if self.lines_in_flight_max is None or not isinstance(request, Message):
            return False
        if not self._in_flight.keys().isdisjoint((request.key, message_key(request.key))):
            return False
        lines = sum(self._in_flight.values())
        return lines > 0 and lines + len(lines_of(request)) > self.lines_in_flight_max

    def _taken(self, request: frames.Request) -> frames.Request:
        for key in (request.key, message_key(request.key)):
            if message := self._pending.get(key):
                self._in_flight[key] = len(lines_of(message))
        return request


def message_key(key: str) -> str:
    """Return the key of the message that a request is a part of."""
    return key.partition(_PART)[0]
