"""The pane of a search, however much was found."""

from typing import Any

from trio_chat.client.screen_view.hits_pane import hits_pane
from trio_chat.client.screen_view.view_state import ConnectionState, Hits, ViewState
from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.room_list import RoomStates
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.text import Text
from trio_chat.wire import frames


class Counted(Text):
    """A sticker that counts how often it is drawn."""

    drawn = 0

    def render(self, name: str) -> Any:
        Counted.drawn += 1
        return super().render(name)


def test_of_a_thousand_lines_no_more_are_laid_out_than_fit() -> None:
    transcript = Transcript(Catalogue({"seen": Counted("x")}))
    state = ViewState(
        RoomStates("lobby"), LineLayout(transcript), Narrator(transcript, "lobby"), ConnectionState("here")
    )
    found = [
        frames.Said(id=number, room="lobby", kind="said", time=0.0, author="ann", text=f"@seen {number}")
        for number in range(1, 1001)
    ]
    state.hits = Hits(frames.Search(room="lobby", text="seen", key="a"), found, chosen=499, has_more=False)
    Counted.drawn = 0

    rows = ["".join(part.text for part in row) for row in hits_pane(state, Columns(60), 11)]

    assert ["500" in row for row in rows].index(True) == 6
    assert len(rows) == 11
    assert Counted.drawn <= 20
