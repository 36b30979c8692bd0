"""The status: at every width the most important pieces, each of them whole."""

import pytest

from trio_chat.client.screen_view.status_pane import status_pane
from trio_chat.client.screen_view.view_state import ConnectionState, ViewState
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.room_list import RoomStates
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.wire import frames


@pytest.fixture
def state() -> ViewState:
    transcript = Transcript(Catalogue())
    connection = ConnectionState("chat.example port 5555", label="bob", is_connected=True)
    return ViewState(RoomStates("ops"), LineLayout(transcript), Narrator(transcript), connection)


def status(state: ViewState, columns: int, *, shows_room: bool = False) -> str:
    return "".join(part.text for part in status_pane(state, columns, shows_room=shows_room)).rstrip()


def test_a_wide_one_tells_everything_and_hints_at_the_keys(state: ViewState) -> None:
    assert status(state, 60) == " bob · connected · chat.example port 5555           F1 keys"


def test_a_narrow_one_leaves_out_whatever_matters_least(state: ViewState) -> None:
    state.rooms.get("dev").mentions = 2
    state.connection.waiting = (frames.Say(room="ops", text="hi"),)

    assert status(state, 50, shows_room=True) == " #ops · bob · 1 waits · connected · 2! Alt-a"
    assert status(state, 33, shows_room=True) == " #ops · bob · 1 waits · 2! Alt-a"
    assert status(state, 20, shows_room=True) == " #ops · 1 waits"


def test_how_long_the_server_takes_is_told_from_a_second_on(state: ViewState) -> None:
    state.connection.lag_s = 0.9
    assert "lag" not in status(state, 80)
    state.connection.lag_s = 3.2
    assert " bob · lag 3 s · connected" in status(state, 80)


def test_without_a_connection_the_next_attempt_comes_first_and_the_reason_as_far_as_it_fits(state: ViewState) -> None:
    state.connection.is_connected = False
    state.connection.trouble = "cannot reach chat.example port 5555: connection refused"
    state.connection.waiting = (frames.Say(room="ops", text="hi"),)
    state.layout.now, state.connection.retry_at = 10.0, 13.2
    offline = " bob · offline · again in 4 s · 1 waits (/cancel)"

    assert status(state, 117) == f"{offline} · {state.connection.trouble}  F1 keys"
    assert status(state, 70) == f"{offline} · cannot reach chat…"
    assert status(state, 50) == offline
    state.layout.now = 14.0
    assert status(state, 55) == " bob · offline · connecting · 1 waits (/cancel)"


def test_the_reason_for_having_no_name_is_told_as_long_as_there_is_none(state: ViewState) -> None:
    state.connection.label, state.connection.why_no_name = "127.0.0.1:5", "the nick me is reserved"

    assert " · no name: the nick me is reserved · /nick NAME" in status(state, 100)
    state.connection.label = "bob"
    assert "no name" not in status(state, 100)


def test_while_something_to_search_for_is_typed_it_says_where_and_how(state: ViewState) -> None:
    state.finding = state.rooms.get("found")

    assert status(state, 90) == " Enter searches #ops · from:NICK, in:ROOM, before:WHEN and after:WHEN"
    assert status(state, 24) == " Enter searches #ops · …"
