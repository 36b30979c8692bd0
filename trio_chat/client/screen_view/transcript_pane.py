"""The pane of the transcript: the topic, the lines of a room, and below them those that are not kept yet."""

from collections.abc import Sequence

from trio_chat.chat.events import MARK
from trio_chat.chat.text import clean, excerpt
from trio_chat.client.link.events import Message
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.line_layout import Columns
from trio_chat.client.transcript.room_list import RoomState
from trio_chat.client.transcript.row_breaking import cut_with_mark
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.scrolling import Scroller
from trio_chat.wire import frames

_WAITING_MAX = 20
"""Messages shown that are not kept yet; the status has the number of all."""

_TOPIC_MAX = 400


def topic_row(state: ViewState, columns: int) -> Row:
    """Return the row above a transcript."""
    room = state.rooms.current
    topic = clean(excerpt(state.connection.topics.get(room.name, ""), _TOPIC_MAX))
    kind = "  private" if room.is_private else ""
    mark = state.narrator.people.mark_of(room.person) if room.is_private else ""
    title = cut_with_mark(clean(room.title), columns - len(mark)) + mark
    return (Part(title, Style.STRONG), Part(cut_with_mark(f"{kind}  {topic}", columns - len(title)), Style.NOTICE))


def transcript_pane(state: ViewState, columns: Columns, height: int) -> list[Row]:
    """Return the rows of a transcript, the newest at the bottom."""
    room = state.rooms.current
    tail = [] if room.anchor else _tail(state, columns)[-height:]
    above = scroller_of(state, columns, height).visible(room.anchor, max(height - len(tail), 0))
    if not above and not tail:
        return [(Part(row, Style.NOTICE),) for row in _placeholder(state)]
    return [*above, *tail]


def _placeholder(state: ViewState) -> Sequence[str]:
    """Return the lines of an empty transcript: a server keeps private messages for members only."""
    if not state.rooms.current.is_private or state.narrator.label.endswith(MARK):
        return ("nothing was said here yet",)
    return ("nothing was said here since you came:", "to keep private messages, /register your name")


def scroller_of(state: ViewState, columns: Columns, height: int) -> Scroller:
    """Return what scrolls the transcript of the current room."""
    return Scroller(state.rooms.current.window, state.layout, columns, height)


def _tail(state: ViewState, columns: Columns) -> list[Row]:
    """Return the rows of the messages that are not kept yet, or that failed."""
    room, rows = state.rooms.current, list[Row]()
    for failed in room.failed:
        why = f"not sent: {clean(excerpt(failed.reason, 200))} · Alt-r again · Alt-x drop"
        rows += state.layout.waiting(failed.message, columns, state=why, style=Style.FAILED)
    waiting = [message for message in state.connection.waiting if _is_in(message, room)]
    hidden = len(waiting) - _WAITING_MAX
    if hidden > 0:
        rows.append((Part(f"{hidden} more are not kept yet", Style.WAITING),))
    why = "not kept yet" if state.connection.is_connected else "waits"
    for message in waiting[-_WAITING_MAX:]:
        rows += state.layout.waiting(message, columns, state=why, style=Style.WAITING)
    return rows


def _is_in(message: Message, room: RoomState) -> bool:
    if isinstance(message, frames.Tell):
        return room.is_private and room.person.casefold() == message.to.casefold()
    return message.room == room.name
