"""The display of the screen view: puts events into the rooms that they belong to."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import token_hex

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Kind
from trio_chat.chat.search_query import phrases_in, read_search
from trio_chat.chat.text import excerpt
from trio_chat.client.conversation.app import ChatApp
from trio_chat.client.link.events import (
    Answered,
    Cancelled,
    Connected,
    Disconnected,
    Failed,
    MarkMoved,
    NewSince,
    Pending,
    Received,
    Refused,
    RoomJoined,
    RoomLeft,
    Sent,
    ServerNews,
)
from trio_chat.client.screen_view.lag import Lag
from trio_chat.client.screen_view.notifier import Notifier
from trio_chat.client.screen_view.status_pane import LAG_SHOWN_MIN_S
from trio_chat.client.screen_view.view_state import PAGE, VIEW_KEY, Hits, ViewState
from trio_chat.client.transcript.backfill import BACKFILL_KEY
from trio_chat.client.transcript.draft_history import clean_draft
from trio_chat.client.transcript.narrator import MESSAGE_KINDS
from trio_chat.client.transcript.rendered import RenderedOutput
from trio_chat.client.transcript.room_list import NEW_KINDS, RoomState, room_of, room_with
from trio_chat.client.transcript.room_window import Listing
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.scrolling import Anchor
from trio_chat.client.transcript.transcript import PROMPT
from trio_chat.client.transcript.typed_forms import typed_form
from trio_chat.wire import frames

_CALL_CHARS_MAX = 100
OTHER_HISTORY = "the server has another history now: what is above is not in it"
_NEWEST = frames.History(room=frames.MAILBOX).bounds
"""The bounds of a request for the newest entries."""


class ScreenDisplay:
    """Shows rendered output by changing the state of the screen."""

    broken: OSError | None = None
    keeps_failed = True

    def __init__(
        self,
        state: ViewState,
        app: ChatApp,
        notifier: Notifier,
        *,
        redraw: Callable[[], None],
        columns: Callable[[], int],
    ) -> None:
        """`redraw` is called after each change; `columns` returns the width of the text of a line."""
        self.transcript = state.narrator.transcript
        self._state = state
        self._app = app
        self._notifier = notifier
        self._redraw = redraw
        self._columns = columns
        self._lag = Lag()
        self._last_echo: tuple[RoomState | None, list[Row]] = (None, [])
        """The last command as it was typed, and its room: it is shown above the first rows that follow there."""

    @property
    def columns(self) -> int | None:
        """Width of the text of a line."""
        return self._columns()

    def is_read(self, room: str) -> bool:
        """Tell whether somebody sees the newest lines of a room."""
        current = self._state.rooms.current
        is_mailbox = room == frames.MAILBOX and current.is_private and bool(self._state.rooms.private_when_read)
        is_it = room == current.name or is_mailbox
        return is_it and current.anchor is None and current.window.is_live and self._state.hits is None

    async def print(self, rows: list[Row], *, is_mention: bool = False) -> None:
        """Print rows in the current room, as a notice of the client."""
        await trio.lowlevel.checkpoint()
        if rows:
            room = self._state.rooms.current
            self._last_echo = (room, [_dim(row) for row in rows if _is_echo(row)])
            if others := [row for row in rows if not _is_echo(row)]:
                self._note(room, others)
        self._follow_link()

    async def print_listing(self, listing: Listing) -> None:
        """Print a list in the current room; it is made anew when the width changes."""
        await trio.lowlevel.checkpoint()
        self._note(self._state.rooms.current, [], listing)
        self._follow_link()

    def warn(self, text: str) -> None:
        """Show a notice of the client itself, until the next key."""
        self._state.message = text
        self._redraw()

    async def notice(self, text: str) -> None:
        """Show a notice of the client itself, until the next key."""
        await trio.lowlevel.checkpoint()
        self._state.message = text
        self._follow_link()

    async def show(self, outputs: Sequence[RenderedOutput]) -> None:
        """Show rendered output."""
        await trio.lowlevel.checkpoint()
        for output in outputs:
            self._show(output)
        self._follow_link()

    def follow_lag(self) -> None:
        """Take over what the status shows of the lag, which grows while a message waits; draw where that differs."""
        connection = self._state.connection
        before, connection.lag_s = connection.lag_s, self._lag.at(trio.current_time())
        is_lagging = connection.is_connected and max(before, connection.lag_s) >= LAG_SHOWN_MIN_S
        if is_lagging or (connection.trouble and not connection.is_connected):
            self._redraw()

    def _follow_link(self) -> None:
        """Take over what the status and the list of rooms show of the link."""
        state, conversation = self._state, self._app.conversation
        if conversation is not None:
            link, connection = conversation.link, state.connection
            state.layout.label, connection.label = link.label, state.narrator.label
            connection.is_connected, connection.topics = link.is_connected, link.rooms
            connection.waiting = tuple(state.narrator.delivery.waiting.values())
            shown = state.rooms.current
            state.rooms.keep(link.rooms)
            if state.rooms.current is not shown and not state.rooms.current.is_private:  # it was taken from us
                state.narrator.room = state.rooms.current.name
        for room in state.rooms.all:
            room.window.trim(is_shown=room is state.rooms.current, reads_oldest=room.anchor is not None)
        self._redraw()

    def _show(self, output: RenderedOutput) -> None:
        window = self._state.rooms.current.window
        match output.event:
            case Received() as received:
                self._receive(received, output)
            case Answered() as answered:
                self._show_answer(answered, output)
            case Refused() as refused:
                self._show_refusal(refused, output)
            case Connected() | Disconnected() as change:
                self._show_connection(change, output)
            case Pending() | Sent() | Failed() | Cancelled() as delivery:
                self._show_delivery(delivery, output)
            case NewSince() as news:
                self._show_news(news)
            case ServerNews() | MarkMoved() as marks:
                self._take_marks(marks)
            case RoomJoined(room=name):
                self._go_to_joined(name)
            case RoomLeft(room=name):
                self._close_left(name)
            case None if output.rule:
                window.set_rule(output.rule, window.newest_id, time.time())
            case _:
                self._note_all(output)

    def _show_connection(self, change: Connected | Disconnected, output: RenderedOutput) -> None:
        connection, now = self._state.connection, trio.current_time()
        match change:
            case Connected(is_other_epoch=is_other_epoch):
                connection.trouble = ""
                self._lag.begin_again(now)
                self._show_notices(output)
                if is_other_epoch:
                    self._begin_epoch()
            case Disconnected(reason=reason, retry_s=retry_s):
                connection.trouble, connection.retry_at = reason, now + retry_s
                self._drop_requests()

    def _show_delivery(self, delivery: Pending | Sent | Failed | Cancelled, output: RenderedOutput) -> None:
        now = trio.current_time()
        match delivery:
            case Pending(message=message):
                self._lag.begin(message.key, now)
                self._go_to_person(message)
            case Sent(message=message):
                self._lag.end(message.key, now)
                self._show_notices(output)
            case Failed(message=message) as failed:
                self._lag.end(message.key, now, is_kept=False)
                self._show_failure(failed, output)
            case Cancelled(messages=messages):
                for message in messages:
                    self._lag.end(message.key, now, is_kept=False)
                self._show_notices(output)

    def _take_marks(self, marks: ServerNews | MarkMoved) -> None:
        """Take over the server's counts of new entries, and how far the person has read at another place."""
        rooms = self._state.rooms
        match marks:
            case ServerNews(rooms=news):
                for name, told in news.items():
                    self._set_counts(rooms.find(name), told.new, told.mentions)
            case MarkMoved(room=name, id=entry_id):
                for read in rooms.all:
                    if read.name == name or (read.is_private and name == frames.MAILBOX):
                        read.read_elsewhere(entry_id, self._state.layout.label)

    def _go_to_joined(self, name: str) -> None:
        """List a room that was joined, and show it if that was asked for."""
        rooms = self._state.rooms
        joined = rooms.get(name)
        if self._state.narrator.room == name:
            rooms.show(joined)

    def _close_left(self, name: str) -> None:
        rooms = self._state.rooms
        if left := rooms.find(name):
            rooms.close(left)
        spoken_in = rooms.find(self._state.narrator.room)  # none while that is still being joined
        if spoken_in and not rooms.current.is_private:
            rooms.show(spoken_in)

    def _drop_requests(self) -> None:
        """Forget the requests that were under way: they are dropped with their connection."""
        for room in self._state.rooms.all:
            room.request, room.jump_id = "", 0
        if self._state.hits:
            self._state.hits.key = ""

    def _begin_epoch(self) -> None:
        """Begin with another history: what is shown stays, above everything that comes now."""
        self._state.layout.marked_id, self._state.hits = None, None
        for room in self._state.rooms.all:
            room.skipped_id = 0
            if room.window.items:
                room.window.begin_epoch()
                room.window.note(self.transcript.notice(OTHER_HISTORY), time.time())

    def _show_refusal(self, refused: Refused, output: RenderedOutput) -> None:
        """Show why a question was refused; of one that nobody typed, only note that no entries come."""
        question = refused.question
        if question is None:
            self._state.connection.why_no_name = refused.reason
        if question and (asking := self._asking(question.key)):
            if asking.jump_id:  # the person wanted to go there
                self._state.message = refused.reason
            asking.request, asking.jump_id = "", 0
        if question and self._state.hits and self._state.hits.key == question.key:
            self._state.hits.key = ""
        if question is None or not question.key.startswith((VIEW_KEY, BACKFILL_KEY)):
            self._note_all(output)

    def _show_failure(self, failed: Failed, output: RenderedOutput) -> None:
        """Mark a message that was refused in its room, with a notice where that is not shown, or was left."""
        message, rooms = failed.message, self._state.rooms
        room = rooms.find(message.room) if not isinstance(message, frames.Tell) else rooms.get(room_with(message.to))
        if room:
            room.fail(failed)
            if room is not rooms.current:
                self._show_notices(output)
        else:
            self._note_all(output)
            rooms.current.sent.add(clean_draft(typed_form(message)))

    def _set_counts(self, room: RoomState | None, unread: int, mentions: int) -> None:
        if room and room is not self._state.rooms.current:
            is_muted = self._state.narrator.muted.has(room.name)
            room.unread, room.mentions = max(mentions if is_muted else unread, 0), max(mentions, 0)

    def _asking(self, key: str) -> RoomState | None:
        """Return the room for which a request was made."""
        return next((room for room in self._state.rooms.all if room.request and room.request == key), None)

    # Entries

    def _receive(self, received: Received, output: RenderedOutput) -> None:
        entry, label = received.entry, self._app.conversation.link.label if self._app.conversation else ""
        if entry.kind in MESSAGE_KINDS and not output.items:  # somebody who is ignored
            return
        if entry.kind == Kind.RENAMED:
            self._state.rooms.rename(entry.author, entry.text)
        name = room_of(entry, label)
        if name == frames.MAILBOX:  # such as an entry of the mailbox that was removed
            name = self._state.rooms.current.name
        room = self._state.rooms.get(name)
        if room.is_private:  # who was typed as MEI may be called mei
            room.name = name
        if room.window.is_live:
            room.window.add(entry)
        else:
            room.skipped_id = max(room.skipped_id, entry.id)
        is_muted = self._state.narrator.muted.has(room.name) and not output.is_mention
        if entry.kind in NEW_KINDS and entry.author != label and not is_muted:
            self._count(room, is_mention=output.is_mention)
            if output.is_mention:
                self._notifier.call(room.title, f"{excerpt(entry.author)}: {excerpt(entry.text, _CALL_CHARS_MAX)}")

    def _count(self, room: RoomState, *, is_mention: bool) -> None:
        is_shown = room is self._state.rooms.current
        if is_shown and self.is_read(room.name):
            return
        if is_shown and not room.unread and room.window.is_live:  # the person reads something older
            room.window.set_rule("new", room.window.newest_id - 1, time.time())
        room.unread += 1
        room.mentions += is_mention

    def _go_to_person(self, message: object) -> None:
        """Show the private conversation in which the person has just said something, with what was said before."""
        if isinstance(message, frames.Tell):
            room = self._state.rooms.get(room_with(message.to))
            if message.key and room is not self._state.rooms.current and not self._state.rooms.current.is_private:
                self._state.rooms.show(room)
                if self._app.conversation and room.window.has_older is None and not room.request:
                    room.request = f"{VIEW_KEY}{token_hex(16)}"
                    before = frames.History(room=room.name, limit=PAGE, presence=False, key=room.request)
                    self._app.conversation.link.ask(before)

    def _show_news(self, news: NewSince) -> None:
        """Show where the person stopped reading; of a room that is not shown, the number of new lines."""
        if news.room == frames.MAILBOX:
            return
        room = self._state.rooms.get(news.room)
        if news.is_shown:
            count = f"more than {news.count}" if news.has_more else str(news.count)
            room.window.set_rule(f"{count} new", news.after, news.time)
        elif not self._state.narrator.muted.has(news.room):
            room.unread = max(news.count, 0)

    # Answers

    def _show_answer(self, answered: Answered, output: RenderedOutput) -> None:
        question, answer = answered.question, answered.answer
        is_backfill = question.key.startswith(BACKFILL_KEY)
        match answer:
            case frames.Page() if isinstance(question, frames.Search):
                self._show_hits(question, answer)
            case frames.Page() if isinstance(question, frames.History):
                self._show_page(question, answer, output, is_backfill=is_backfill)
            case frames.Members() if is_backfill:
                pass
            case _:
                self._note_all(output)

    def _show_page(
        self, question: frames.History, page: frames.Page, output: RenderedOutput, *, is_backfill: bool
    ) -> None:
        rooms, label = self._state.rooms, self._state.layout.label
        entries = [entry for entry in page.entries if not self._is_ignored(entry)]
        if question.room == frames.MAILBOX:
            for entry in entries:
                room = rooms.get(room_of(entry, label))
                room.window.add(entry)
                if entry.author != label:
                    self._count(room, is_mention=True)
            return
        asking = rooms.find(question.room)
        if asking and asking.request == question.key:
            self._take_page(asking, question, page, entries)
        elif question.key.startswith(VIEW_KEY):  # the person has gone elsewhere since
            pass
        elif asking and is_backfill:
            asking.window.add_page(entries, has_older=page.more or None)
        elif asking and entries and asking.window.is_live and question.bounds == _NEWEST:
            asking.window.add_page(entries, has_older=page.more)
            if first := asking.window.find(entries[0].id):
                rooms.show(asking)
                asking.anchor, asking.fraction_below = Anchor(first, 0), 1.0
        else:
            self._note_all(output)

    def _take_page(
        self, room: RoomState, question: frames.History, page: frames.Page, entries: Sequence[frames.Said]
    ) -> None:
        """Take in a page that the person has scrolled to, or jumped to."""
        room.request = ""
        if room.jump_id:
            room.skipped_id = max(room.skipped_id, room.window.newest_id)
            is_live = bool(room.window.items and entries) and entries[-1].id >= room.skipped_id
            room.window.start_at(entries, is_live=is_live)
            self.jump(room, room.jump_id)
        elif question.after is None:
            room.window.add_page(entries, has_older=page.more)
        else:
            for entry in entries:
                room.window.add(entry)
            room.window.is_live = not page.more and room.window.newest_id >= room.skipped_id

    def jump(self, room: RoomState, entry_id: int) -> None:
        """Go to an entry that is in the window."""
        room.jump_id = 0
        self._state.layout.marked_id = entry_id
        if item := room.window.find(entry_id):
            room.anchor = Anchor(item, 0)
            room.fraction_below = 0.5

    def _show_hits(self, search: frames.Search, page: frames.Page) -> None:
        state = self._state
        entries = [entry for entry in page.entries if not self._is_ignored(entry)]
        if state.hits and state.hits.key == search.key:
            state.hits.entries[:0] = entries
            state.hits.chosen += len(entries)
            state.hits.has_more, state.hits.key = page.more, ""
        else:
            with suppress(ChatError):
                state.layout.phrases = phrases_in(read_search(search.text, 0.0).words)
            state.hits = Hits(search, entries, chosen=max(len(entries) - 1, 0), has_more=page.more)

    def _is_ignored(self, entry: frames.Said) -> bool:
        return entry.kind in MESSAGE_KINDS and self._state.narrator.people.ignored.has(entry.author, entry.account)

    # Notices

    def _show_notices(self, output: RenderedOutput) -> None:
        """Show the notices of an output until the next key."""
        if output.notices:
            self._state.message = "; ".join(output.notices)

    def _note_all(self, output: RenderedOutput) -> None:
        """Put rows that are no entry into their room, or into the current one."""
        for item in output.items:
            room = self._state.rooms.find(item.room) if item.room != self._state.narrator.room else None
            self._note(room or self._state.rooms.current, item.rows)
        for notice in output.notices:
            self._note(self._state.rooms.current, self.transcript.notice(notice))

    def _note(self, room: RoomState, rows: Sequence[Row], listing: Listing | None = None) -> None:
        """Put rows and a list into a room, below the command that was typed there, where that was the last thing."""
        (echo_room, echo), self._last_echo = self._last_echo, (None, [])
        shown = [_without_stars(row) for row in rows]
        note = room.window.note([*echo, *shown] if echo_room is room else shown, time.time(), listing)
        if room is self._state.rooms.current and room.anchor is None:
            room.anchor, room.fraction_below = Anchor(note, 0), 1.0  # of many rows, the first ones are shown


def _is_echo(row: Row) -> bool:
    """Tell whether a row is a command as it was typed."""
    return bool(row) and row[0].text.startswith(PROMPT)


def _without_stars(row: Row) -> Row:
    """Return a notice without the stars around it, which set it apart from what people say where there are no colours.

    Here it stands in a column of its own.
    """
    if len(row) == 1 and row[0].style is Style.NOTICE:
        return (row[0].with_text(row[0].text.removeprefix("*** ").removesuffix(" ***")),)
    return row


def _dim(row: Row) -> Row:
    return tuple(Part(part.text, Style.NOTICE) for part in row)
