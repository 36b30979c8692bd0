"""The state of the screen: everything that the panes show."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trio_chat.client.conversation.question import PromptQuestion
from trio_chat.client.link.events import Message
from trio_chat.client.transcript.completion import TabCompletion
from trio_chat.client.transcript.editor import Editor
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.picker import Choice
from trio_chat.client.transcript.room_list import RoomState, RoomStates
from trio_chat.stickers.sticker import Drawn
from trio_chat.wire import frames

VIEW_KEY = "view-"
"""The beginning of the keys of requests for entries that the view makes itself: nobody typed them."""

PAGE = 100
"""Entries of a room that are asked for at once."""


@dataclass(eq=False)
class Menu:
    """The choices that Tab or Ctrl-R offers, one of which is in the draft."""

    choices: Sequence[TabCompletion]
    previews: Sequence[str]
    """The choices as they are shown."""
    start: int
    """The index in the draft at which a choice is put."""
    chosen: int = 0
    is_recalling: bool = False
    """True if the choices are drafts that were sent before."""
    drawings: Sequence[Drawn | None] = ()
    """For each choice, its drawing of several rows, if it has one."""

    @property
    def drawing(self) -> Drawn | None:
        """The drawing of the choice that is in the draft, if it has one."""
        return self.drawings[self.chosen] if self.drawings else None


@dataclass(eq=False)
class Picker:
    """The stickers from which one is chosen, and the line in which their names are typed."""

    choices: Sequence[Choice]
    chosen: int = 0
    editor: Editor = field(default_factory=Editor)
    typed: str = ""
    """The line as it was when the choices were made."""


@dataclass(eq=False)
class Hits:
    """The lines that a search found, oldest first."""

    search: frames.Search
    entries: list[frames.Said]
    chosen: int
    has_more: bool
    key: str = ""
    """The key of the request for more that is under way."""


@dataclass(eq=False)
class ConnectionState:
    """The connection as the status shows it."""

    server: str
    label: str = ""
    is_connected: bool = False
    trouble: str = ""
    """The reason why there is no connection."""
    retry_at: float = 0.0
    """The time of the next attempt to connect, by the clock of the layout."""
    why_no_name: str = ""
    """The reason why the person is called by their address."""
    topics: dict[str, str] = field(default_factory=dict)
    waiting: tuple[Message, ...] = ()
    """Messages that the server has not kept yet."""
    lag_s: float = 0.0
    """Time that the server takes to keep a message."""


@dataclass(eq=False)
class ViewState:
    """Everything that the panes show."""

    rooms: RoomStates
    layout: LineLayout
    narrator: Narrator
    connection: ConnectionState
    question: PromptQuestion | None = None
    menu: Menu | None = None
    hits: Hits | None = None
    picker: Picker | None = None
    shows_keys: bool = False
    keys_row: int = 0
    """The first row of the list of keys that is shown."""
    finding: RoomState | None = None
    """A line in place of the draft, in which something to search for is typed."""
    message: str = ""
    """A notice of the client, until the next key."""
