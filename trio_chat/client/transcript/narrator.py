"""Renders the events of a link as items of a transcript. It prints nothing itself, and knows no view."""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import assert_never

from msgspec.structs import replace

from trio_chat.chat.events import LOBBY, MARK, Kind
from trio_chat.chat.nicks import NICK_MAX
from trio_chat.chat.text import clean, excerpt
from trio_chat.chat.wording import NOTHING_FOUND, rooms_there_are, waits_for, where_you_are, who_is_here
from trio_chat.client.link.events import (
    Answered,
    Cancelled,
    Connected,
    Delayed,
    Disconnected,
    Ended,
    Failed,
    GapFound,
    LinkEvent,
    LinkNotice,
    MarkMoved,
    MemoryOfServer,
    Message,
    MessageWaits,
    NewSince,
    Pending,
    Question,
    Received,
    RecipientAway,
    Refused,
    RoomJoined,
    RoomLeft,
    Sent,
    ServerNews,
    lines_of,
)
from trio_chat.client.transcript.backfill import BACKFILL_KEY
from trio_chat.client.transcript.delivery import DeliveryNotices, count_lines
from trio_chat.client.transcript.found import mark_found
from trio_chat.client.transcript.link_state import LinkState
from trio_chat.client.transcript.muted_rooms import MutedRooms
from trio_chat.client.transcript.page_end import page_end
from trio_chat.client.transcript.people import People
from trio_chat.client.transcript.presence_counts import PRESENCE_KINDS
from trio_chat.client.transcript.presence_notices import PresenceNotices
from trio_chat.client.transcript.rendered import RenderedOutput, TranscriptItem
from trio_chat.client.transcript.row_breaking import cut_with_mark
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.transcript import PROMPT, Transcript, is_mention, timestamp
from trio_chat.client.transcript.typed_secrets import without_secret
from trio_chat.wire import frames

MESSAGE_KINDS = (Kind.SAID, Kind.ACTED, Kind.TOLD)
"""Kinds of messages. Our own were shown as we typed them; those of ignored people are left out."""

OTHER_DEVICES = "this device has its key; /password sets a password for other devices"

_LABEL_MAX = 48
"""Characters of our own name in the prompt: an IPv6 address with a port takes so many."""

_WAITING_ROWS_MAX = 3
_PENDING_ROWS_MAX = 10

_NEWS_MAX = 20
"""Rooms named in the sum of what is new."""


_NOTHING = RenderedOutput()


class Narrator:
    """Renders events for one person. `room` is the current one, in which they speak."""

    def __init__(
        self,
        transcript: Transcript,
        room: str = LOBBY,
        *,
        clock: Callable[[], float] = lambda: 0.0,
        has_times: bool = False,
    ) -> None:
        """`clock` returns the time in seconds since 1970. If `has_times`, lines get their time in front."""
        self.transcript = transcript
        self._visited: dict[str, None] = {room: None}
        """The rooms in which the person wanted to speak, the current one last."""
        self.people = People()
        self.muted = MutedRooms()
        self.hides_muted = True
        """True if what comes in a muted room is left out here, and not by the view."""
        self.delivery = DeliveryNotices()
        self.presence = PresenceNotices()
        self.is_for_person = False
        """True if a person reads it: notices are summed up, and today's lines have no date."""
        transcript.name_styles.is_here = self.people.is_here
        self.sums_presence = True
        """True if many notices of who came and left are summed up here, and not by the view."""
        self.shows_own = False
        """True if our own messages are shown when they come back, and not by whoever typed them."""
        self.label = ""
        """Our name as others see it, with the mark where it is proven."""
        self._now = clock
        self._has_times = has_times
        self._last_announcement: tuple[float, str] | None = None
        self._left_off: dict[str, NewSince] = {}
        """The places where the person had stopped reading when they came, by room."""

    @property
    def room(self) -> str:
        """The current room."""
        return next(reversed(self._visited))

    @room.setter
    def room(self, room: str) -> None:
        self._visited.pop(room, None)
        self._visited[room] = None

    def prompt(self, columns: int) -> str:
        """Return the prompt: who speaks, and where, as far as that leaves half of the columns to type in."""
        if not self.label:
            return PROMPT
        room = f"#{excerpt(self.room, NICK_MAX)}"  # a hostile server could have rooms, and names, that are longer
        prompts = (f"[{excerpt(self.label, _LABEL_MAX)}] {room}{PROMPT}", f"{room}{PROMPT}", PROMPT)
        return next((prompt for prompt in prompts if 2 * len(prompt) <= columns), PROMPT)

    def waiting_rows(self, columns: int) -> list[str]:
        """Return rows with the last lines that were typed and are not kept yet, as the transcript will show them."""
        waiting = self.delivery.waiting.values()
        tail = [(message, line) for message in waiting for line in lines_of(message)]
        hidden = len(tail) - _WAITING_ROWS_MAX
        more = f"{hidden} more line{'' if hidden == 1 else 's'}"
        rows = [f"{more} on the way (/cancel takes back what is not sent)"] if hidden > 0 else []
        rows += [self._waiting_row(message, line) for message, line in tail[-_WAITING_ROWS_MAX:]]
        return [cut_with_mark(row, columns - 1) for row in rows]

    def _waiting_row(self, message: Message, line: str) -> str:
        label = excerpt(self.label, _LABEL_MAX)
        match message:
            case frames.Tell(to=to):
                return f"[{label} -> {clean(to)}]> {clean(line)}"
            case frames.Act():
                return f"* [{label}] {clean(line)}"
            case frames.Topic():
                return f"topic: {clean(line)}"
        where = "" if message.room == self.room else f"#{clean(message.room)} "
        who = f"[{label}]> " if label else ""  # before the first connection
        return f"{where}{who}{clean(line)}"

    def echo(self, line: str, *, columns: int | None = None) -> list[Row]:
        """Render a typed command as it stood after the prompt."""
        return self.transcript.own_line(without_secret(line), columns=columns)

    def render_pending(self, link: LinkState, *, is_held: bool = False) -> RenderedOutput:
        """Render the messages from last time that are still to be sent; if `is_held`, the person is asked first."""
        self.label = _marked_label(link)
        if not link.pending:
            return _NOTHING
        count = count_lines(self.delivery.resume(link.pending))
        rows = self.transcript.notice(f"{count} from last time {'not sent' if is_held else 'will be sent'}:")
        lines = [self._waiting_row(message, line) for message in link.pending for line in lines_of(message)]
        for line in lines[:_PENDING_ROWS_MAX]:
            rows += self.transcript.own_line(line, prompt="  ")
        if len(lines) > _PENDING_ROWS_MAX:
            rows += self.transcript.notice(f"and {count_lines(len(lines) - _PENDING_ROWS_MAX)} more")
        return self._in_current_room(rows)

    def render(self, event: LinkEvent, link: LinkState, *, columns: int | None = None) -> RenderedOutput:
        """Render an event. Drawings wider than `columns` stay names."""
        self.label = _marked_label(link)
        return replace(self._render(event, link, columns), event=event)

    def _render(self, event: LinkEvent, link: LinkState, columns: int | None) -> RenderedOutput:
        match event:
            case Received():
                return self._render_entry(event, link, columns)
            case Answered():
                return RenderedOutput(tuple(self._render_answer(event, link, columns)))
            case Connected() | Disconnected() | Ended() | LinkNotice():
                return self._render_connection(event, link)
            case Pending() | Sent() | Delayed() | Failed() | Cancelled():
                return RenderedOutput(notices=self.delivery.notices(event, link))
            case RecipientAway(to=to, away_s=away_s, left_s=left_s):
                return self._notice(waits_for(to, away_s, left_s))
            case MessageWaits(to=to):
                return self._notice(f"[{excerpt(to, _LABEL_MAX)}{MARK}] is not here: this waits for them")
            case MemoryOfServer() | MarkMoved():  # the conversation moves its marks
                return _NOTHING
            case ServerNews(rooms=rooms):
                return self._render_server_news(rooms)
            case RoomJoined() | RoomLeft() | Refused() | GapFound():
                return self._render_room(event, link)
            case NewSince():
                return self._render_news(event, columns)
            case _:
                assert_never(event)

    def _in_current_room(self, rows: list[Row]) -> RenderedOutput:
        """Put rows that are no entry into the current room."""
        return RenderedOutput((TranscriptItem(rows, self.room),))

    def _notice(self, text: str) -> RenderedOutput:
        return self._in_current_room(self.transcript.notice(text))

    def _with_time(self, rows: list[Row], when: float) -> list[Row]:
        return [(timestamp(when, self._now()), *rows[0]), *rows[1:]] if self._has_times else rows

    def presence_delay_s(self) -> float | None:
        """Return the seconds until a sum of notices is to be shown; None where there is none."""
        due_at = self.presence.due_at
        return None if due_at is None else max(due_at - self._now(), 0.0)

    def take_summary(self) -> RenderedOutput | None:
        """Render the sum of notices that is to be shown now; None where there is none."""
        match self.presence.take_sum(self._now()):
            case "":
                return None
            case str() as text:
                return self._in_current_room(self._with_time(self.transcript.notice(text), self._now()))
            case entry:
                rows = self.transcript.entry(entry, room=self.room, you=self.label)
                return RenderedOutput((TranscriptItem(self._with_time(rows, entry.time), entry.room),))

    # Entries and answers

    def _render_entry(self, received: Received, link: LinkState, columns: int | None) -> RenderedOutput:
        entry = received.entry
        if entry.kind == Kind.RENAMED:
            self.transcript.name_styles.rename(entry.author, entry.text)
        if self._is_left_out(received, link):
            return _NOTHING
        rows = self._with_time(
            self.transcript.entry(entry, room=self.room, you=link.label, columns=columns), entry.time
        )
        is_mentioned = is_mention(entry, link.label, self.transcript.words)
        return RenderedOutput((TranscriptItem(rows, entry.room, entry.id, entry.kind, is_mention=is_mentioned),))

    def _is_left_out(self, received: Received, link: LinkState) -> bool:
        entry, label = received.entry, link.label
        if self._is_muted_line(entry, label):
            return True
        if entry.kind in MESSAGE_KINDS:
            return (received.is_own and not self.shows_own) or self.people.ignored.has(entry.author, entry.account)
        if entry.kind in (Kind.JOINED, Kind.LEFT) and entry.author == label:
            return True
        if entry.kind in PRESENCE_KINDS and label in (entry.author, entry.text):  # each of our rooms gets it
            return self.is_for_person and entry.room != self.room and self.room in link.rooms
        if entry.kind in PRESENCE_KINDS and self.is_for_person and self.sums_presence:
            has_spoken = self.people.has_spoken(entry.author) or self.people.has_spoken(entry.text)
            return not self.presence.add(entry, self._now(), has_spoken=has_spoken)
        if entry.kind == Kind.ANNOUNCED:  # each of our rooms gets it, at the same time
            before, self._last_announcement = self._last_announcement, (entry.time, entry.text)
            return before == self._last_announcement
        return False

    def _is_muted_line(self, entry: frames.Said, label: str) -> bool:
        """Tell whether an entry is left out because its room is muted, and the person looks at another one."""
        if not self.hides_muted or entry.room == self.room or not self.muted.has(entry.room):
            return False
        return entry.author != label and not is_mention(entry, label, self.transcript.words)

    def _render_answer(self, answered: Answered, link: LinkState, columns: int | None) -> Iterator[TranscriptItem]:
        match answered.answer:
            case frames.Members(room=room, count=count, labels=labels, proven=proven):
                marked = set(proven)
                shown = ((label + MARK if label in marked else label, label == link.label) for label in labels)
                text = who_is_here(room, count, shown)
                yield TranscriptItem(self.transcript.notice(text), room)
            case frames.RoomList(rooms=rooms, count=count):
                listed = [(room.name, room.members, room.topic) for room in rooms]
                lines = rooms_there_are(listed, max(count, len(listed)))
                yield TranscriptItem([row for line in lines for row in self.transcript.plain(line)], self.room)
            case frames.CommandOutput(lines=lines):
                rows = [row for line in lines for row in self.transcript.received(line, columns=columns)]
                yield TranscriptItem(rows, self.room)
            case frames.Page(entries=[], damaged=[]) as page:
                text = "; ".join(filter(None, (NOTHING_FOUND, page_end(answered.question, page))))
                yield TranscriptItem(self.transcript.notice(text), self.room)
            case frames.Page() as page:
                yield from self._render_page(answered.question, page, link, columns)
                if end := page_end(answered.question, page):
                    yield TranscriptItem(self.transcript.notice(end), self.room)
            case frames.Named(label=label):
                text = f"you are [{excerpt(label, _LABEL_MAX)}{MARK}] now: the name is yours; {OTHER_DEVICES}"
                yield TranscriptItem(self.transcript.notice(text), self.room)
            case frames.Done():
                pass
            case answer:
                assert_never(answer)

    def _render_page(
        self, question: Question | None, page: frames.Page, link: LinkState, columns: int | None
    ) -> Iterator[TranscriptItem]:
        shown = [entry for entry in page.entries if not self._is_ignored(entry)]
        items = [self._render_past(entry, link, columns) for entry in shown]
        if isinstance(question, frames.Search):
            items = mark_found(question, items, self.room)
        items += [self._render_damaged(number) for number in page.damaged]
        items.sort(key=attrgetter("id"))
        if isinstance(question, frames.History) and not question.key.startswith(BACKFILL_KEY):
            items = self._with_rule(question.room, items, columns)
        yield from items

    def _with_rule(self, room: str, items: list[TranscriptItem], columns: int | None) -> list[TranscriptItem]:
        """Put a line where the person stopped reading, or above the first item where all are new.

        There is none above what came while they were here.
        """
        news = self._left_off.get(room)
        if news is None or not items or (items[0].id or 0) > news.up_to:
            return items
        at = sum((item.id or 0) <= news.after for item in items)
        if at == len(items):
            return items
        since = timestamp(news.time, self._now()).text.strip()
        rule = TranscriptItem(self.transcript.rule(f"new since {since}", columns=columns), room)
        return [*items[:at], rule, *items[at:]]

    def _is_ignored(self, entry: frames.Said) -> bool:
        return entry.kind in MESSAGE_KINDS and self.people.ignored.has(entry.author, entry.account)

    def _render_past(self, entry: frames.Said, link: LinkState, columns: int | None) -> TranscriptItem:
        when = timestamp(entry.time, self._now()) if self.is_for_person else None
        rows = self.transcript.entry(entry, room=self.room, you=link.label, is_past=True, when=when, columns=columns)
        return TranscriptItem(rows, entry.room, entry.id, entry.kind)

    def _render_damaged(self, number: int) -> TranscriptItem:
        return TranscriptItem(self.transcript.notice(f"entry {number} is damaged"), self.room, number)

    # Rooms

    def _render_room(self, event: RoomJoined | RoomLeft | Refused | GapFound, link: LinkState) -> RenderedOutput:
        match event:
            case RoomJoined(room=room, topic=topic, asked=asked):
                if self.room == asked:  # else the person has gone on to another room
                    self.room = room
                return RenderedOutput((TranscriptItem(self.transcript.notice(where_you_are(room, topic)), room),))
            case RoomLeft(room=room):
                rows = self.transcript.notice(f"you have left #{room}")
                if self.room in link.rooms:  # else it is being joined, which is told then
                    rows += self.transcript.notice(where_you_are(self.room, link.rooms[self.room]))
                return self._in_current_room(rows)
            case Refused(question=question, reason=reason):
                if isinstance(question, frames.Join):
                    self._stay_in_a_room(link)
                return self._notice(reason)
            case GapFound(room=room):
                return RenderedOutput((TranscriptItem(self.transcript.notice(_describe_gap(event)), room),))
            case _:
                assert_never(event)

    def _render_news(self, news: NewSince, columns: int | None) -> RenderedOutput:
        """Render a line where the person stopped reading; or, where nothing of it is shown, a notice."""
        count = f"more than {news.count}" if news.has_more else str(news.count)
        since = timestamp(news.time, self._now()).text.strip()
        what = "new" if news.room != frames.MAILBOX else "private messages" if news.count != 1 else "private message"
        text = f"{count} {what} since {since}"
        if not news.is_shown and self.muted.has(news.room):
            return _NOTHING
        if not news.is_shown:
            return self._notice(f"#{excerpt(news.room, NICK_MAX)}: {text}")
        if news.room != frames.MAILBOX:
            self._left_off[news.room] = news
        if news.shown < news.count:
            text += "; /history N shows more"
        return RenderedOutput((TranscriptItem(self.transcript.rule(text, columns=columns), news.room),))

    def _render_server_news(self, rooms: Mapping[str, frames.RoomNews]) -> RenderedOutput:
        """Render the numbers of new entries by room, of those rooms that are not shown."""
        told = [
            _describe_news(name, news)
            for name, news in rooms.items()
            if name != self.room and news.new > 0 and (news.mentions > 0 or not self.muted.has(name))
        ]
        more = [f"and {len(told) - _NEWS_MAX} more rooms"] if len(told) > _NEWS_MAX else []
        return self._in_current_room(
            [row for line in (*told[:_NEWS_MAX], *more) for row in self.transcript.notice(line)]
        )

    def render_absence(self, since: float, *, columns: int | None = None) -> RenderedOutput:
        """Render a line where the person stopped reading, who has pressed no key since then."""
        text = f"you were away since {timestamp(since, self._now()).text.strip()}"
        return replace(self._in_current_room(self.transcript.rule(text, columns=columns)), rule=text)

    def _stay_in_a_room(self, link: LinkState) -> None:
        """Go back to the room in which the person spoke before, if they are not in the current one."""
        self._visited = {room: None for room in self._visited if room in link.rooms}
        self._visited = self._visited or {next(iter(link.rooms), LOBBY): None}

    # The connection

    def _render_connection(
        self, event: Connected | Disconnected | Ended | LinkNotice, link: LinkState
    ) -> RenderedOutput:
        match event:
            case Connected():
                self.delivery.offline_reason = ""
                if event.is_other_epoch:
                    self._left_off.clear()
                return self._reconnected(event) if event.is_again else self._greet(link)
            case Disconnected(reason=reason):
                return RenderedOutput(notices=self.delivery.disconnected(reason, link))
            case Ended(reason=reason, is_orderly=is_orderly):
                self.delivery.offline_reason = "" if is_orderly else reason
                return _NOTHING
            case LinkNotice(text=text):
                return RenderedOutput(notices=(text,))
            case _:
                assert_never(event)

    def _greet(self, link: LinkState) -> RenderedOutput:
        self._stay_in_a_room(link)
        topic = link.rooms.get(self.room, "")
        return RenderedOutput(greeting=f"you are [{self.label}] in #{self.room}" + (f": {topic}" if topic else ""))

    def _reconnected(self, connected: Connected) -> RenderedOutput:
        notices = ["connected again"]
        if connected.is_other_epoch:
            notices.append("the server has another history now: some messages may be missing")
        return RenderedOutput(notices=tuple(notices))


def _describe_gap(gap: GapFound) -> str:
    """Describe a gap: entries that the server no longer keeps or cannot read, or that we were too slow to take."""
    where = "sent to you alone" if gap.room == frames.MAILBOX else f"in #{gap.room}"
    messages = f"{gap.count or 'some'} message{'' if gap.count == 1 else 's'} {where}"
    match gap.reason:
        case "pruned":
            return f"the server no longer keeps {messages} that you missed"
        case "unreadable":
            return f"the server cannot read {messages} that you missed"
    return f"you missed {messages}"


def _marked_label(link: LinkState) -> str:
    """Return our name as others see it, with the mark where it is proven."""
    return link.label + MARK if link.account and link.label else link.label


def _describe_news(room: str, news: frames.RoomNews) -> str:
    mentions = f", {news.mentions} for you" if news.mentions > 0 else ""
    return f"#{excerpt(room, NICK_MAX)}: {news.new} new{mentions}"
