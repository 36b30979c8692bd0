"""Moving about: between rooms, through a transcript, and through what a search found."""

from collections.abc import Callable
from secrets import token_hex

from msgspec.structs import replace

from trio_chat.client.conversation.app import ChatApp
from trio_chat.client.link.events import Question
from trio_chat.client.screen_view.screen_display import ScreenDisplay
from trio_chat.client.screen_view.transcript_pane import scroller_of
from trio_chat.client.screen_view.view_state import PAGE, VIEW_KEY, ViewState
from trio_chat.client.transcript.line_layout import Columns
from trio_chat.client.transcript.room_list import NEW_KINDS, RoomState, room_with
from trio_chat.client.transcript.room_window import Item, Line
from trio_chat.client.transcript.scrolling import Anchor, Scroller
from trio_chat.wire import frames

_ENTRIES_AROUND = 25
"""Entries that are shown before and behind one to which somebody jumps, at most."""


class Navigation:
    """Changes what is shown, and asks the server for what is missing."""

    def __init__(
        self, state: ViewState, app: ChatApp, display: ScreenDisplay, size: Callable[[], tuple[Columns, int]]
    ) -> None:
        """`size` returns columns and rows of the transcript."""
        self._state = state
        self._app = app
        self._display = display
        self._size = size

    # Rooms

    def go_to(self, room: RoomState | None) -> None:
        """Show a room, and what was said in it before."""
        if room is None:
            return
        state = self._state
        state.hits = state.menu = state.finding = state.picker = None
        state.shows_keys = False
        had_news = room.unread
        state.rooms.show(room)
        if not room.window.is_live:
            self.go_to_end()
        if not room.is_private:
            state.narrator.room = room.name
            if self._app.conversation:
                self._app.conversation.visit(room.name)
        elif room.window.has_older is None and not room.request:
            self._request(room, frames.History(room=room.name, limit=PAGE, presence=False))
        if had_news and room.window.rule is None and room.window.items:
            self._set_rule(room, had_news)
        self.mark_read()

    def _set_rule(self, room: RoomState, unread: int) -> None:
        """Put a line above the lines that are new, as far as they are here."""
        items, left = room.window.items, unread
        for at in range(len(items) - 1, -1, -1):
            left -= self._is_new(items[at])
            if left == 0 or at == 0:
                before = items[at - 1].id if at else items[0].id - 1
                room.window.set_rule(f"{unread} new", before, items[at].time)
                return

    def _is_new(self, item: Item) -> bool:
        """Tell whether an item is one of those that count as new: nothing of our own."""
        if not isinstance(item, Line):
            return False
        return item.entry.kind in NEW_KINDS and item.entry.author != self._state.layout.label

    def go_to_number(self, number: int) -> None:
        """Show the room with a number."""
        self.go_to(self._state.rooms.number(number))

    def step(self, by: int) -> None:
        """Show the room above or below."""
        self.go_to(self._state.rooms.beside(by))

    def go_back(self) -> None:
        """Show the room that was shown before this one."""
        self.go_to(self._state.rooms.before)

    def go_to_news(self) -> None:
        """Show the next room with something new."""
        self.go_to(self._state.rooms.with_news())

    def mark_read(self) -> None:
        """Mark the current room as read, if its newest line is shown."""
        room = self._state.rooms.current
        if room.anchor is None and room.window.is_live:
            room.unread = room.mentions = 0
            if not room.is_private:
                self._move_mark(room.name, room.window.newest_id)
            elif private := self._state.rooms.private_when_read:  # which have one mark together
                self._move_mark(frames.MAILBOX, max(one.window.newest_id for one in private))

    def _move_mark(self, room: str, entry_id: int) -> None:
        if self._app.conversation and entry_id:
            self._app.conversation.mark_read(room, entry_id)

    # Scrolling

    def scroll(self, pages: float) -> None:
        """Scroll by so many panes: up if negative."""
        scroller, height = self._scroller()
        self._scroll_rows(scroller, round(pages * height) or (1 if pages > 0 else -1))

    def scroll_by(self, rows: int) -> None:
        """Scroll by so many rows: up if negative."""
        self._scroll_rows(self._scroller()[0], rows)

    def _scroll_rows(self, scroller: Scroller, rows: int) -> None:
        room = self._state.rooms.current
        if rows < 0:
            room.anchor, is_top = scroller.up(self.settle_anchor(), -rows)
            if is_top:
                self._request_older(room)
            return
        room.anchor = scroller.down(self.settle_anchor(), rows)
        if room.anchor is None:
            if room.window.is_live:
                self.mark_read()
            else:
                self._request_newer(room)

    def settle_anchor(self) -> Anchor | None:
        """Move the anchor of the current room down by its `fraction_below`, once. -> the anchor"""
        room = self._state.rooms.current
        if room.anchor and room.fraction_below:
            scroller, height = self._scroller()
            rows, room.fraction_below = round(room.fraction_below * (height - 1)), 0.0
            room.anchor = scroller.down(room.anchor, rows)
            if room.anchor is None:
                self.mark_read()
        return room.anchor

    def note_rule(self) -> None:
        """Note whether the line where the person stopped reading is on the screen."""
        room = self._state.rooms.current
        rule = room.window.rule
        if rule and rule is not room.seen_rule and self._scroller()[0].shows(rule, room.anchor):
            room.seen_rule = rule

    def go_to_top(self) -> None:
        """Scroll to the oldest line that is loaded."""
        room, (scroller, height) = self._state.rooms.current, self._scroller()
        if room.window.items:
            oldest = Anchor(room.window.items[0], 0)
            room.anchor = scroller.down(oldest, height - 1)
            self._request_older(room)

    def go_to_end(self) -> None:
        """Scroll to the newest line."""
        room = self._state.rooms.current
        self._state.hits, self._state.layout.phrases, self._state.layout.marked_id = None, (), None
        room.anchor = None
        if room.jump_id:  # the answer to that is not wanted any more
            room.jump_id, room.request = 0, ""
        if not room.window.is_live:
            room.window.start_at((), is_live=True, known_id=room.skipped_id)
            self._request(room, frames.History(room=room.name, limit=PAGE, presence=False))
        self.mark_read()

    def go_to_unread(self) -> None:
        """Scroll to the line where the person stopped reading."""
        room = self._state.rooms.current
        if item := room.window.rule:
            room.anchor, room.fraction_below = Anchor(item, 0), 0.5

    def _scroller(self) -> tuple[Scroller, int]:
        columns, height = self._size()
        return scroller_of(self._state, columns, height), height

    # Requests

    def _request_older(self, room: RoomState) -> None:
        if room.window.has_older is not False and not room.request:
            before = room.window.oldest_id
            self._request(room, frames.History(room=room.name, before=before, limit=PAGE, presence=False))

    def _request_newer(self, room: RoomState) -> None:
        if not room.request:
            after = room.window.newest_id
            self._request(room, frames.History(room=room.name, after=after, limit=PAGE, presence=False))

    def _request(self, room: RoomState, question: frames.History) -> None:
        room.request = f"{VIEW_KEY}{token_hex(16)}"
        self._ask(replace(question, key=room.request))

    def _ask(self, question: Question) -> None:
        if self._app.conversation:
            self._app.conversation.link.ask(question)

    # Searching

    def search(self, text: str) -> None:
        """Search in the current room; of a private conversation, in all of them."""
        room = self._state.rooms.current
        if text.strip():
            where = frames.MAILBOX if room.is_private else room.name
            self._ask(frames.Search(text=text.strip()[:256], room=where, limit=PAGE // 2))

    def choose_hit(self, by: int) -> None:
        """Choose another of the lines that were found; at the first one, ask for older ones."""
        hits = self._state.hits
        if hits is None or not hits.entries:
            return
        hits.chosen = min(max(hits.chosen + by, 0), len(hits.entries) - 1)
        if hits.chosen == 0 and hits.has_more and not hits.key:
            hits.key = f"{VIEW_KEY}{token_hex(16)}"
            self._ask(replace(hits.search, before=hits.entries[0].id, key=hits.key))

    def go_to_hit(self) -> None:
        """Show the chosen line among those that were said around it."""
        hits, state = self._state.hits, self._state
        if hits is None or not hits.entries:
            self.close_hits()
            return
        entry = hits.entries[hits.chosen]
        state.hits = None
        name = entry.room if entry.room != frames.MAILBOX else self._private_room(entry)
        room = state.rooms.get(name)
        state.rooms.show(room)
        if not room.is_private:
            state.narrator.room = room.name
        if room.window.find(entry.id):
            self._display.jump(room, entry.id)
        else:
            room.jump_id = entry.id
            before = entry.id + _ENTRIES_AROUND
            self._request(room, frames.History(room=name, before=before, limit=2 * _ENTRIES_AROUND, presence=False))

    def _private_room(self, entry: frames.Said) -> str:
        return room_with(entry.to if entry.author == self._state.layout.label else entry.author)

    def close_hits(self) -> None:
        """Go back to the transcript."""
        self._state.hits, self._state.layout.phrases, self._state.layout.marked_id = None, (), None
