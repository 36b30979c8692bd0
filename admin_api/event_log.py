"""The log of recent events and the cursors of its subscribers. Needs no Quart.

As in a room, there is no queue: a late subscriber gets everything it missed from the window, after a gap event if some
of it is gone.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType

import msgspec
import trio

from admin_api.client_view import ClientView, view_of
from admin_api.http.schemas import Time
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change
from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.chat.log import Track
from trio_chat.chat.removal import is_tombstone

WINDOW = 1000
"""Events in the window, of some 400 bytes each."""

SUBSCRIBERS_MAX = 20

LAST_CHUNK_S = 0.05
"""For the last chunk of each stream, which Quart sends after the generator has ended."""

_encode = msgspec.json.Encoder().encode

logger = logging.getLogger("trio_chat.serve.admin")


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Times of an event stream, in seconds."""

    ping_interval_s: float = 15.0
    """Between events, so that a peer that is gone is noticed."""
    send_timeout_s: float = 30.0
    """Time after which a subscriber that takes nothing is dropped."""
    gap_timeout_s: float = 1.0
    """The longest that one may go on taking nothing once it has missed an event: a burst alone drops nobody."""
    kernel_timeout_s: float = 5.0
    """A send that fails after so long was ended by the kernel, since the peer took nothing (TCP_USER_TIMEOUT)."""


GROUPS = ("client", "operator", "health", "limit", "topic", "nick", "room")
"""The groups of events in the log. What people say is in none of them: subscribers who want it read the journal."""

SET_TOPIC = "set-topic"
"""The name of the event that an operator set a topic."""

_GROUP_OF_KIND = MappingProxyType(
    {
        Kind.TOPIC: "topic",
        Kind.RENAMED: "nick",
        **dict.fromkeys((Kind.JOINED, Kind.LEFT, Kind.CROWD), "room"),
    }
)
"""The group of the events that tell of an entry. KICKED is a change of a client."""

_SAID = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""The kinds that no event tells of: nearly all entries."""


class ClientEvent(msgspec.Struct, frozen=True):
    """A client connected or disconnected. `reason` is null for the former, and for the kick of one that is away."""

    time: Time
    client: ClientView
    reason: DisconnectReason | None


class OperatorEvent(msgspec.Struct, frozen=True):
    """An action of an operator, as in the audit log."""

    time: Time
    who: str
    action: str
    what: str


class EntryEvent(msgspec.Struct, frozen=True):
    """An entry of a room that tells of a topic, a new nick, or of coming and going. `text` as in the protocol."""

    time: Time
    id: int
    room: str
    kind: Kind
    author: str
    text: str


_decode_entry = msgspec.json.Decoder(EntryEvent).decode


class HealthEvent(msgspec.Struct, frozen=True):
    """The health has changed. `reasons` are all that there are now."""

    time: Time
    health: str
    reasons: list[str]


class LimitEvent(msgspec.Struct, frozen=True):
    """Connections were refused in the last `over_s` seconds: their numbers, by reason."""

    time: Time
    over_s: float
    refused: dict[str, int]


EventData = ClientEvent | OperatorEvent | EntryEvent | HealthEvent | LimitEvent


@dataclass(frozen=True, slots=True)
class NamedEvent:
    """An event, its name, and its number in the log."""

    number: int
    name: str
    data: EventData


WantedGroups = frozenset[str]
"""Groups and names of events that a subscriber wants."""


class EventLog:
    """The newest events, numbered from 1. Appending waits for nobody."""

    def __init__(self, clock: Callable[[], float], times: StreamTimes = StreamTimes()) -> None:
        """`clock` gives seconds since 1970."""
        self.subscribers: set[Subscriber] = set()
        self.entry_readers = 0
        """Subscribers who want what is said."""
        self.is_closed = False
        self.times = times
        self.appended = trio.Event()
        """Set at the next event, and when the log is closed; then there is a new one."""
        self._clock = clock
        self.run = str(int(clock() * 1000))
        """The beginning of all ids of this run of the server, which tells them from those of an earlier one, also where
        that ended in the same second."""
        self._track = Track(self._encode, base=1)
        self._labels: deque[tuple[str, str]] = deque(maxlen=WINDOW)
        """The group and the name of each event in the window."""

    @property
    def first(self) -> int:
        """The number of the oldest event in the window."""
        return self._track.base

    @property
    def end(self) -> int:
        """The number of the next event."""
        return self._track.end

    @property
    def last_id(self) -> str:
        """The id of the newest event: who goes on behind it gets all that come from now on."""
        return f"{self.run}-{self.end - 1}"

    def append_change(self, chat: Chat, change: Change, client: Client, reason: DisconnectReason | None) -> None:
        """Append that a client connected or disconnected."""
        self._append("client", change, ClientEvent(self._now(), view_of(chat, client), reason))

    def append_action(self, who: str, action: str, what: str) -> None:
        """Append an action of an operator. A kick is a change of a client already.

        That one set a topic has a name of its own: the event `topic` has the topic.
        """
        if action != "kick":
            name = SET_TOPIC if action == "topic" else action
            self._append("operator", name, OperatorEvent(self._now(), who, action, what))

    def append_entries(self, entries: Iterable[Entry]) -> None:
        """Append what entries tell of topics, nicks and coming and going, and wake those who read what is said."""
        for entry in entries:
            draft = entry.draft
            if draft.kind in _SAID:
                continue
            if is_tombstone(draft):
                self._redact(entry)
            elif (group := _GROUP_OF_KIND.get(draft.kind)) and not draft.room.startswith(MAILBOX_MARK):
                time = datetime.fromtimestamp(entry.time, UTC)
                self._append(group, group, EntryEvent(time, entry.id, draft.room, draft.kind, draft.author, draft.text))
        if self.entry_readers:
            self._wake()

    def _redact(self, tombstone: Entry) -> None:
        """Replace the text of a removed topic in the window."""
        for index, (group, name) in enumerate(self._labels, self.first):
            if group != "topic":
                continue
            event = _decode_entry(self._track.pieces[index - self.first].partition(b"data: ")[2])
            if event.id == tombstone.id:
                gone = msgspec.structs.replace(event, kind=tombstone.draft.kind, text=tombstone.draft.text)
                self._track.replace(index, NamedEvent(index, name, gone))

    def append_health(self, health: str, reasons: Sequence[str]) -> None:
        """Append that the health has changed."""
        self._append("health", "health", HealthEvent(self._now(), health, list(reasons)))

    def append_limits(self, refused: Mapping[str, int], over_s: float) -> None:
        """Append that connections were refused lately."""
        self._append("limit", "limit", LimitEvent(self._now(), over_s, dict(refused)))

    def read(self, cursor: int, wanted: WantedGroups) -> tuple[bytes, int]:
        """Return the events wanted from `cursor` on, and the cursor behind them. It is in the window or at its end."""
        if cursor >= self.end:
            return b"", cursor
        if wanted.issuperset(GROUPS):
            return self._track.slice(cursor)
        pieces: list[bytes] = []
        for piece, labels in islice(zip(self._track.pieces, self._labels, strict=True), cursor - self.first, None):
            if not wanted.isdisjoint(labels):
                pieces.append(piece)
        return b"".join(pieces), self.end

    def cursor_after(self, last_id: str) -> int | None:
        """Return the cursor behind the event with an id. -> None for an id that is not of this run."""
        run, _, number = last_id.partition("-")
        number, _, _ = number.partition("-")
        if run != self.run or not (number.isascii() and number.isdigit() and len(number) <= 18):
            return None
        return int(number) + 1 if int(number) < self.end else None

    def id_of(self, cursor: int, entry_id: int) -> bytes:
        """Return the id of an entry that is sent to a subscriber which has got all events below `cursor`."""
        return f"{self.run}-{cursor - 1}-{entry_id}".encode()

    async def aclose(self, timeout_s: float) -> None:
        """End all streams in good order, and wait up to `timeout_s` for clients to read the end."""
        self.is_closed = True
        self._wake()
        if not self.subscribers:
            return
        with trio.move_on_after(timeout_s - LAST_CHUNK_S):
            for subscriber in tuple(self.subscribers):
                await subscriber.closed.wait()
        await trio.sleep(LAST_CHUNK_S)

    def _append(self, group: str, name: str, data: EventData) -> None:
        self._track.extend([NamedEvent(self.end, name, data)])
        self._labels.append((group, name))
        if self.end - self.first > WINDOW:
            self._track.drop_before(self.end - WINDOW, after_id=self.end - WINDOW - 1)
        for subscriber in self.subscribers:
            subscriber.event_appended()
        self._wake()

    def _encode(self, event: NamedEvent) -> bytes:
        event_id = f"{self.run}-{event.number}".encode()
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id, event.name.encode(), _encode(event.data))

    def _wake(self) -> None:
        self.appended.set()
        self.appended = trio.Event()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)


class Subscriber:
    """A reader of the log: its cursor, and the cancel scope in which its answer is sent."""

    def __init__(self, log: EventLog, cursor: int | None, who: str, wanted: WantedGroups = frozenset(GROUPS)) -> None:
        """`cursor` is None for a reader whose last event is of an earlier run."""
        self.closed = trio.Event()
        self.scope = trio.CancelScope()
        self._log = log
        self._is_of_earlier_run = cursor is None
        self._cursor = log.first if cursor is None else cursor
        self._wanted = wanted
        self._who = who
        self._send_started: float | None = None
        self._has_gap = False
        self._send_took_s = 0.0

    def event_appended(self) -> None:
        """Shorten the deadline of a send during which the subscriber has missed events."""
        if self._send_started is not None and not self._has_gap and self._cursor < self._log.first:
            self._has_gap = True
            self.scope.deadline = min(self.scope.deadline, trio.current_time() + self._log.times.gap_timeout_s)

    def start_send(self) -> None:
        """Set the deadline of the send that begins now."""
        self._send_started = trio.current_time()
        self.scope.deadline = self._send_started + self._log.times.send_timeout_s

    def finish_send(self) -> None:
        """Lift the deadline: the peer has taken everything."""
        if self._send_started is not None:
            self._send_took_s = trio.current_time() - self._send_started
        self._send_started, self._has_gap = None, False
        self.scope.deadline = float("inf")

    def next_chunk(self) -> bytes:
        """Return the next new events, after a gap event if some are gone, and move the cursor behind them."""
        missed = None if self._is_of_earlier_run else max(0, self._log.first - self._cursor)
        gap = b"" if missed == 0 else b"event: gap\ndata: %s\n\n" % _encode({"missed": missed})
        self._is_of_earlier_run = False
        events, self._cursor = self._log.read(max(self._cursor, self._log.first), self._wanted)
        return gap + events

    @property
    def cursor(self) -> int:
        """The number of the next event that it gets."""
        return self._cursor

    def close(self) -> None:
        """Unsubscribe, and log a warning if the subscriber was dropped."""
        self._log.subscribers.discard(self)
        self.closed.set()
        # Not `cancelled_caught`: the connection around it is cancelled by then, and catches it.
        is_cut_off = self.scope.cancel_called
        if is_cut_off and self._send_started is not None:
            self._send_took_s = trio.current_time() - self._send_started
        if is_cut_off or self._send_took_s >= self._log.times.kernel_timeout_s:
            why = "it missed events and took nothing" if self._has_gap else "it took nothing"
            logger.warning("dropped the subscriber of events at %s: %s for %.0f s", self._who, why, self._send_took_s)
