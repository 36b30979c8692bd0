"""Frames of every size: each row as wide as the screen, and the cursor on it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trio_chat.client.conversation.question import PromptQuestion
from trio_chat.client.link.events import Failed
from trio_chat.client.screen_view.frame import make_frame
from trio_chat.client.screen_view.view_state import ConnectionState, Hits, Menu, ViewState
from trio_chat.client.transcript.completion import TabCompletion
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.room_list import RoomState, RoomStates
from trio_chat.client.transcript.row_breaking import row_width
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.wire import frames

PIECES = (
    "a",
    " ",
    "word ",
    "漢字",
    "👨\u200d👩\u200d👧\u200d👦",
    "🇩🇪",
    "e\u0301",
    "https://a.org/x",
    "\n",
    "\x1b[31m",
    "שלום",
)
WORDS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def state_with(text: str, shown: str) -> ViewState:
    """A state in which everything that a server can choose is this text."""
    transcript = Transcript(Catalogue())
    state = ViewState(
        RoomStates("lobby"), LineLayout(transcript), Narrator(transcript), ConnectionState(text, label=text)
    )
    state.connection.topics = {"lobby": text}
    state.connection.trouble, state.connection.lag_s = text, 2.0
    state.connection.waiting = (frames.Say(room="lobby", text=text),)
    state.layout.label = "me"
    lobby = state.rooms.current
    for number in range(1, 6):
        lobby.window.add(frames.Said(id=number, room="lobby", kind="said", time=1e9, author=text or "a", text=text))
    lobby.fail(Failed(frames.Say(room="lobby", text=text), text))
    lobby.editor.insert(text.replace("\x1b", ""))
    for name in (text, f"@{text}", "ops"):
        room = state.rooms.get(name)
        room.unread, room.mentions = 5000, len(text)
    match shown:
        case "question":
            state.question = PromptQuestion(text)
        case "menu":
            state.menu = Menu([TabCompletion(text, 0)] * 9, [text] * 9, 0, chosen=5)
        case "hits":
            entries = [item.entry for item in lobby.window.items if hasattr(item, "entry")]
            state.hits = Hits(frames.Search(text="x"), entries, 3, has_more=True)
        case "keys":
            state.shows_keys = True
        case "find":
            state.finding = RoomState("")
        case "message":
            state.message = text
        case "private":
            state.rooms.show(state.rooms.get(f"@{text}"))
    return state


@settings(max_examples=200)
@given(
    WORDS,
    st.sampled_from(["", "question", "menu", "hits", "keys", "find", "message", "private"]),
    st.integers(1, 160),
    st.integers(1, 50),
)
def test_every_frame_fills_the_screen_and_has_its_cursor_on_it(text: str, shown: str, columns: int, rows: int) -> None:
    drawn, (x, y) = make_frame(state_with(text, shown), columns, rows, has_times=True)

    assert [row_width(row) for row in drawn] == [columns] * rows
    assert 0 <= x < columns
    assert 0 <= y < rows
    assert "\x1b" not in "".join(part.text for row in drawn for part in row)
