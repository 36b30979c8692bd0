"""The conversation between a link and the person at a surface."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from secrets import token_hex

import trio

from trio_chat.client.conversation.sender import Sender
from trio_chat.client.conversation.surface import Display, Surface
from trio_chat.client.link.events import (
    Answered,
    Ended,
    Failed,
    LinkEvent,
    LinkNotice,
    MarkMoved,
    MemoryOfServer,
    Message,
    Pending,
    Received,
    Refused,
    lines_of,
)
from trio_chat.client.link.link import Link
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.client.transcript.attention import Attention
from trio_chat.client.transcript.backfill import BACKFILL_KEY, Backfill
from trio_chat.client.transcript.delivery import count_lines
from trio_chat.client.transcript.mark_reports import MarkReports
from trio_chat.client.transcript.narrator import MESSAGE_KINDS, Narrator
from trio_chat.client.transcript.paste import beginning_of
from trio_chat.client.transcript.read_marks import MARKS_MAX, ReadMarks
from trio_chat.client.transcript.removals import Removals
from trio_chat.client.transcript.rendered import RenderedOutput
from trio_chat.client.transcript.rows import Row
from trio_chat.client.transcript.typed_forms import drafts_of, typed_form
from trio_chat.wire import frames

LEAVE_TIMEOUT_S = 2
"""Time for the last messages to be acknowledged when the person leaves; then as much to print those that were not."""

LEAVE_NOTICE_S = 0.5
"""Time after which the person who leaves is told what the client waits for."""

MARKS_INTERVAL_S = 1
"""Time between two reports of how far the person has read a room."""

BACKFILL_TIMEOUT_S = 3
"""Time for which new entries of a room that was joined wait for its history."""

_EVENTS_PER_PRINT = 64  # of 72 rows each at most, so that keys are not kept waiting by a flood
_CHARS_PER_PRINT = 4096  # which take up to 50 ms to draw if every word is a mention, in Chinese


class Conversation:
    """Shows the events of a link on a surface, and sends the lines typed there."""

    def __init__(
        self,
        link: Link,
        surface: Surface,
        display: Display,
        narrator: Narrator,
        *,
        options: ViewOptions = PLAIN,
        marks: ReadMarks | None = None,
        remember: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """`marks` are moved to what is shown, and `remember` is called with each line that is typed."""
        self._marks = marks or ReadMarks()
        self.link = link
        self._surface = surface
        self._narrator = narrator
        self._display = display
        takes_commands = surface.is_typed or options.runs_commands
        self._sender = Sender(link, surface, narrator, self._display, takes_commands=takes_commands, remember=remember)
        self._wait_s = options.wait_s
        self._backfill = Backfill(
            narrator.room,
            make_key=lambda: f"{BACKFILL_KEY}{token_hex(16)}",
            history_lines=options.history_lines if surface.has_person else None,
            marks=self._marks,
            clock=time.time,
        )
        self._removals = Removals()
        self._mark_reports = MarkReports()
        self._attention = Attention()
        self._backfill_deadline = math.inf
        self._unshown: list[LinkEvent] = []
        self._reconnecting = trio.CancelScope()
        self._has_sent = trio.Event()
        self._must_stop_paste = trio.Event()
        narrator.shows_own = narrator.delivery.shows_waiting = surface.has_prompt
        narrator.is_for_person = surface.has_person
        if surface.has_prompt:
            link.limit_lines_in_flight(frames.LINES_LIMIT)
        self._failures = 0
        self.has_left = False
        """True if the person left; False if the link ended it."""

    @property
    def lost_count(self) -> int:
        """Number of lines that were typed and neither kept nor shown as failed."""
        return self._sender.unsent_count + sum(isinstance(event, Failed) for event in self._unshown)

    @property
    def has_failed(self) -> bool:
        """True if a message failed, or was left out."""
        return self._sender.is_cut_short or self._failures > 0

    async def run(self) -> Ended | None:
        """Converse until the link ends, or until the time to leave is over.

        Raises OSError if nothing could be printed any more, after leaving in order.
        """
        ended: Ended | None = None
        held = self.link.held
        pending = self._narrator.render_pending(self.link, is_held=bool(held))
        await self._display.show([pending] if self._surface.has_person else [])
        if self._surface.has_prompt and not held:
            self._narrator.delivery.waiting |= {message.key: message for message in self.link.pending}
        try:
            with self._reconnecting:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send)
                    nursery.start_soon(self._stop_pastes)
                    nursery.start_soon(self._report_marks)
                    nursery.start_soon(self._ask_about, held)
                    nursery.start_soon(self._leave_in_time, nursery.cancel_scope)
                    ended = await self._show_all()
                    nursery.cancel_scope.cancel()
        finally:
            self.has_left = self._surface.stopped.is_set()
            rows = await self._keep_rest()
            with trio.move_on_after(LEAVE_TIMEOUT_S, shield=True), suppress(OSError):
                await self._display.print(rows)
                await self._show_events()
        if self._display.broken:
            raise self._display.broken
        return ended

    def stop_paste(self) -> bool:
        """Take back the pastes that are being sent. -> whether there were any"""
        if not self._sender.has_paste and not any(it.key in self._sender.pasted for it in self.link.cancellable):
            return False
        self._must_stop_paste.set()
        return True

    def refuse(self, reason: str) -> None:
        """Tell the person why a key was not obeyed."""
        self.link.notify(reason)

    async def _stop_pastes(self) -> None:
        while True:
            await self._must_stop_paste.wait()
            self._must_stop_paste = trio.Event()
            dropped = self._sender.drop_pasted()
            await self.link.cancel(self._sender.pasted)
            if dropped:
                await self._display.notice(f"{count_lines(dropped)} not sent: taken back")

    async def _ask_about(self, held: Sequence[Message]) -> None:
        """Ask whether to send the messages from last time."""
        if not held:
            return
        lines = count_lines(sum(len(lines_of(message)) for message in held))
        answer = await self._surface.ask(f"send {lines} from last time? y/n/e (e: edit), then Enter:")
        if answer == "y":
            waiting = {message.key: message for message in self.link.held}
            self._narrator.delivery.waiting |= waiting
            self._sender.pasted |= waiting.keys()
            self.link.release()
        elif answer == "e":
            await self._edit(held)
        elif answer:
            await self.link.cancel([message.key for message in held])
        elif not self._surface.stopped.is_set():
            await self._display.notice(f"{lines} kept for when you join again: /cancel drops them")

    async def _edit(self, messages: Sequence[Message]) -> None:
        """Put messages back into the line, draft by draft. Those that did not get there stay in the outbox."""
        drafts = list(drafts_of(messages))
        for number, (some, draft) in enumerate(drafts, 1):
            await self.link.cancel([message.key for message in some])
            self._narrator.room = next((it.room for it in some if not isinstance(it, frames.Tell)), self._narrator.room)
            self._surface.restore(draft, self._narrator.room)
            if number < len(drafts):
                self.link.notify(f"draft {number} of {len(drafts)}: the next one comes when this is sent")
                await self._sender.wait_for_typed()

    async def _keep_rest(self) -> list[Row]:
        """Put lines typed before the end into the outbox. -> rows still to be printed

        However long the terminal has stood still, this is done: so it prints nothing and has no deadline. It waits only
        for the disk, and a write to that cannot be abandoned anyway.
        """
        with trio.CancelScope(shield=True):
            self._surface.stop()
            rows = await self._sender.keep_rest()
        events = self.link.take_events()
        self._note_outcomes(events)
        self._unshown = [event for event in (*self._unshown, *events) if isinstance(event, Failed | LinkNotice)]
        return rows

    async def _leave_in_time(self, scope: trio.CancelScope) -> None:
        """End the conversation LEAVE_TIMEOUT_S after the person leaves, unless the link ends it before."""
        await self._surface.stopped.wait()
        with trio.move_on_after(LEAVE_TIMEOUT_S):
            await self._has_sent.wait()
            if self.link.is_connected:
                await trio.sleep(LEAVE_NOTICE_S)
                await self._explain_wait()
                await trio.sleep_forever()
        scope.cancel()

    async def _explain_wait(self) -> None:
        """Tell a person who leaves what the client still waits for."""
        if self._surface.has_prompt:
            count = sum(len(lines_of(message)) for message in self.link.pending)
            what = f"confirm {count_lines(count)}" if count else "answer"
            await self._display.notice(f"waiting for the server to {what}; Ctrl-C leaves at once")

    async def _send(self) -> None:
        await self._sender.run()
        self._report_moved_marks(MARKS_MAX)
        self._set_reconnect_deadline()
        self.link.finish()
        self._has_sent.set()

    async def _show_all(self) -> Ended:
        while True:
            batch = await self._next_events()
            self._note_outcomes(batch)
            self._unshown += batch
            await self._show_events()
            self._sender.follow_log_in(batch)
            if (summary := self._narrator.take_summary()) is not None:
                await self._display.show([summary])
            self._set_reconnect_deadline()
            if batch and isinstance(batch[-1], Ended):
                return batch[-1]

    async def _next_events(self) -> list[LinkEvent]:
        """Wait for events to show. New entries wait for the history before them, but not for long."""
        delay_s = self._narrator.presence_delay_s()
        summary_at = math.inf if delay_s is None else trio.current_time() + delay_s
        with trio.move_on_at(min(self._backfill_deadline, summary_at)):
            batch = self._without_removed(await anext(self.link))
            for event in batch:
                self._follow_server(event)
            self._narrator.people.update(batch, self.link.label)
            batch = self._backfill.reorder(batch, self.link)
            self._ask_backfill()
            return batch
        if trio.current_time() < self._backfill_deadline:
            return []
        self._backfill_deadline = math.inf
        return self._backfill.release()

    def _ask_backfill(self) -> None:
        for question in self._backfill.take_questions():
            self._backfill_deadline = trio.current_time() + BACKFILL_TIMEOUT_S
            self.link.ask(question)

    def visit(self, room: str) -> None:
        """Show a room that was not shown yet: ask for its history, and who is there."""
        self._backfill.visit(room, self.link)
        self._ask_backfill()

    def mark_read(self, room: str, entry_id: int) -> None:
        """Note that the person has read everything in a room up to an entry."""
        self._marks.catch_up(room, entry_id, time.time())

    def _follow_server(self, event: LinkEvent) -> None:
        """Take over what the server remembers of us, before later events are handled."""
        match event:
            case MemoryOfServer(ignored=ignored, marks=marks):
                self._marks.merge(marks, self.link.epoch)
                self._mark_reports.begin(marks)
                if self._narrator.people.ignored.reconcile(ignored):
                    self._keep_ignored()
            case Answered(answer=frames.Named()):  # from now on the server remembers it
                self._keep_ignored()
            case MarkMoved(room=room, id=entry_id):
                self._marks.read_elsewhere(room, entry_id, time.time())
                self._mark_reports.note(room, entry_id)

    def _keep_ignored(self) -> None:
        self.link.keep_ignored(self._narrator.people.ignored.names)

    async def _report_marks(self) -> None:
        """Report to the server how far the person has read, one room at a time, for ever."""
        while self._surface.has_person:
            await trio.sleep(MARKS_INTERVAL_S)
            self._report_moved_marks(1)

    def _report_moved_marks(self, most: int) -> None:
        """Report marks that have moved: at most so many."""
        self.note_read()
        if self.link.account and self.link.is_connected and self._surface.has_person:
            for room, entry_id in self._mark_reports.take(self._marks.marks, self.link.rooms, most).items():
                self.link.mark_read(room, entry_id)

    def _without_removed(self, batch: Sequence[LinkEvent]) -> list[LinkEvent]:
        """Return events without the words of removed entries, which those held back lose too."""
        if self._removals.note(batch):
            self._backfill.change_held(self._removals.hide)
        return self._removals.hide(batch)

    async def _show_events(self) -> None:
        while some := self._take_slice():
            columns = self._display.columns
            outputs = [output for event in some for output in self._render(event, columns)]
            await self._display.show(outputs)
            del self._unshown[: len(some)]
            for event in some:
                if isinstance(event, Received) and self._display.is_read(event.entry.room):
                    self._attention.show(event.entry.room, event.entry.id)
            self.note_read()
            self._restore_long(some)

    def _render(self, event: LinkEvent, columns: int | None) -> list[RenderedOutput]:
        """Render an event; before the first message that comes while the person is away, a line across as well."""
        output = self._narrator.render(event, self.link, columns=columns)
        if self._is_silent(event):
            return []
        since = self._surface.last_key_at
        if output.items and self._is_from_others(event) and self._attention.begin_absence(since, time.time()):
            return [self._narrator.render_absence(since, columns=columns), output]
        return [output]

    def _is_from_others(self, event: LinkEvent) -> bool:
        if not isinstance(event, Received):
            return False
        return event.entry.kind in MESSAGE_KINDS and event.entry.author != self.link.label

    @property
    def seen_rooms(self) -> list[str]:
        """The rooms in which the person has seen everything that was shown."""
        self.note_read()
        return [room for room in self.link.rooms if self._has_seen(room)]

    def _has_seen(self, room: str) -> bool:
        return self._display.is_read(room) and not self._attention.is_unseen(room)

    def note_read(self) -> None:
        """Move the read marks to what the person has seen."""
        now = time.time()
        for room, entry_id in self._attention.take_seen(self._surface.last_key_at, now).items():
            self._marks.read(room, entry_id, now)

    def _take_slice(self) -> list[LinkEvent]:
        """Return the next events to show, with so little text that keys are soon obeyed again."""
        chars = 0
        for count, event in enumerate(self._unshown[:_EVENTS_PER_PRINT], 1):
            chars += len(event.entry.text) if isinstance(event, Received) else 0
            if chars > _CHARS_PER_PRINT or isinstance(event, Answered):
                return self._unshown[:count]
        return self._unshown[:_EVENTS_PER_PRINT]

    def _restore_long(self, events: Iterable[LinkEvent]) -> None:
        """Put refused messages of which only the beginning was shown back into the line."""
        for event in events if not self._display.keeps_failed else ():
            if isinstance(event, Failed) and beginning_of(lines_of(event.message)) not in lines_of(event.message):
                self._surface.restore(typed_form(event.message), self._narrator.room)

    def _is_silent(self, event: LinkEvent) -> bool:
        """Tell whether nothing is said of an event: stderr would have a notice for each line of a pipe that waits."""
        return isinstance(event, Pending) and not self._surface.has_person

    def _note_outcomes(self, events: Iterable[LinkEvent]) -> None:
        """Count failures, shown or not, and pass answers on to the sender."""
        for event in events:
            self._failures += isinstance(event, Failed)
            if isinstance(event, Answered | Refused):
                self._sender.handle_answer(event)

    def _set_reconnect_deadline(self) -> None:
        """Bound the time for which a pipe whose input has ended waits for a server that is gone."""
        if not self._sender.is_over or self._surface.has_prompt or self.link.is_connected:
            self._reconnecting.deadline = math.inf
        else:
            self._reconnecting.deadline = min(self._reconnecting.deadline, trio.current_time() + self._wait_s)
