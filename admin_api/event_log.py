"""Recent events, and who reads them live. Needs no Quart.

It is the one idea again: one bounded log, each event encoded once, and a cursor per subscriber. There is no queue: who
is late takes in one piece what it missed, or is told how much of it is no longer there.
"""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import trio

from admin_api.client_view import ClientView, view_of
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change

WINDOW = 1000
"""Events that are kept, of some 400 bytes each."""

SUBSCRIBERS_MOST = 20

STALL_S = 30.0
"""A subscriber that takes nothing for so long is dropped."""

STUCK_S = 5.0
"""One that ends after a send of so long was ended by the kernel, since it took nothing (TCP_USER_TIMEOUT)."""

LOST_S = 1.0
"""So long one may go on taking nothing after it has missed something; a burst alone drops nobody."""

LAST_CHUNK_S = 0.05
"""For the last chunk of each stream, which Quart sends after the generator has ended."""

_encode = msgspec.json.Encoder().encode

logger = logging.getLogger("trio_chat.serve.admin")


class ClientEvent(msgspec.Struct, frozen=True):
    """That a client came or went. `reason` is null for one that came."""

    time: datetime
    client: ClientView
    reason: DisconnectReason | None


class Deed(msgspec.Struct, frozen=True):
    """That an operator did something, as the audit has it."""

    time: datetime
    who: str
    action: str
    what: str


class EventLog:
    """The newest events. Taking one down waits for nobody."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self.subscribers: set[Subscriber] = set()
        self.is_closed = False
        self._clock = clock
        self._run = str(int(clock()))  # ids of an earlier run are told from ours
        self._window: deque[bytes] = deque(maxlen=WINDOW)
        self.next = 1
        """The number of the event that comes next."""
        self.news = trio.Event()

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept."""
        return self.next - len(self._window)

    def note_change(self, chat: Chat, change: Change, client: Client, end: DisconnectReason | None) -> None:
        """Take down that a client came or went."""
        self._append(change, ClientEvent(self._now(), view_of(chat, client), end))

    def note_deed(self, who: str, action: str, what: str) -> None:
        """Take down what an operator did. A kick is an event of the client's already."""
        if action != "kick":
            self._append(action, Deed(self._now(), who, action, what))

    def read(self, cursor: int) -> bytes:
        """Encode all events from `cursor` on; call it with a cursor that is not before `first`."""
        return b"".join(self._window[place] for place in range(cursor - self.first, len(self._window)))

    def cursor_after(self, last_id: str) -> int | None:
        """Find where to go on after an event, by its id. -> None for an id that is not of this run."""
        run, _, number = last_id.partition("-")
        if run != self._run or not (number.isascii() and number.isdigit() and len(number) <= 18):
            return None
        return int(number) + 1 if int(number) < self.next else None

    async def aclose(self, timeout_s: float) -> None:
        """End all streams in good order, and wait up to `timeout_s` for clients to read the end."""
        self.is_closed = True
        self._wake()
        if not self.subscribers:
            return
        with trio.move_on_after(timeout_s - LAST_CHUNK_S):
            for subscriber in tuple(self.subscribers):
                await subscriber.gone.wait()
        await trio.sleep(LAST_CHUNK_S)

    def _append(self, name: str, event: ClientEvent | Deed) -> None:
        self._window.append(
            b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (self._run.encode(), self.next, name.encode(), _encode(event))
        )
        self.next += 1
        for subscriber in self.subscribers:
            subscriber.notice()
        self._wake()

    def _wake(self) -> None:
        self.news.set()
        self.news = trio.Event()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)


class Subscriber:
    """One reader of the log: a cursor, and the scope in which its answer is sent."""

    def __init__(self, log: EventLog, cursor: int | None, who: str) -> None:
        """`cursor` is None for one that was here before the server was started anew."""
        self.gone = trio.Event()
        self.scope = trio.CancelScope()
        self._log = log
        self._is_of_another_run = cursor is None
        self._cursor = log.first if cursor is None else cursor
        self._who = who
        self._sent_at: float | None = None
        self._is_lost = False
        self._waited_s = 0.0

    def notice(self) -> None:
        """Hear that there is more. One that is being sent to, and has missed some of it, has little time left."""
        if self._sent_at is not None and not self._is_lost and self._cursor < self._log.first:
            self._is_lost = True
            self.scope.deadline = min(self.scope.deadline, trio.current_time() + LOST_S)

    def taken(self) -> None:
        """Hear that what was given last has been taken."""
        self._waited_s = trio.current_time() - (self._sent_at or trio.current_time())
        self._sent_at, self._is_lost = None, False
        self.scope.deadline = float("inf")

    def given(self) -> None:
        """Hear that something is about to be sent."""
        self._sent_at = trio.current_time()
        self.scope.deadline = self._sent_at + STALL_S

    def take(self) -> bytes:
        """Return what is new, a gap first if there is one."""
        missed = None if self._is_of_another_run else max(0, self._log.first - self._cursor)
        gap = b"" if missed == 0 else b"event: gap\ndata: %s\n\n" % _encode({"missed": missed})
        self._is_of_another_run = False
        news = self._log.read(max(self._cursor, self._log.first))
        self._cursor = self._log.next
        return gap + news

    def leave(self) -> None:
        """Be no subscriber any more; the log says so if it was dropped."""
        self._log.subscribers.discard(self)
        self.gone.set()
        # Not `cancelled_caught`: the connection around it is cancelled by then, and catches it.
        is_cut_off = self.scope.cancel_called
        if is_cut_off and self._sent_at is not None:
            self._waited_s = trio.current_time() - self._sent_at
        if is_cut_off or self._waited_s >= STUCK_S:
            why = "it missed events and took nothing" if self._is_lost else "it took nothing"
            logger.warning("dropped the subscriber of events at %s: %s for %.0f s", self._who, why, self._waited_s)
