"""Commands typed in a private conversation."""

from contextlib import suppress

import pytest

from trio_chat.chat.command_table import Effect
from trio_chat.chat.errors import ChatError
from trio_chat.client.transcript.input import COMMANDS, Meaning, meaning_of
from trio_chat.client.transcript.private_commands import person_addressed, private_command
from trio_chat.wire import frames

NOW = 1.8e9
"""The time at which something is typed, in seconds since 1970."""


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("/me waves", "/msg bob * waves"),
        ("/ME  waves at all", "/msg bob * waves at all"),
        ("/history", "/history @bob"),
        ("/history 5 before yesterday", "/history @bob 5 before yesterday"),
        ("/history @ann 5", "/history @ann 5"),
        ("/mute dev", "/mute dev"),
        ("/topic", "/topic"),
        ("/who", "/who"),
        ("/msg ann hi", "/msg ann hi"),
        ("/me", "/me"),
        ("/frobnicate", "/frobnicate"),
    ],
)
def test_a_command_typed_in_a_private_conversation_is_about_that(line: str, private: str) -> None:
    assert private_command(line, "bob") == private


@pytest.mark.parametrize("name", [name for name, it in COMMANDS.items() if it.effect is Effect.SAYS])
def test_no_command_typed_in_a_private_conversation_says_anything_in_a_room(name: str) -> None:
    meaning: Meaning | None = None
    with suppress(ChatError):
        meaning = meaning_of(private_command(f"/{name} something", "bob"), "lobby", NOW)

    assert meaning in (None, frames.Tell(to="bob", text="* something"))


@pytest.mark.parametrize(
    ("line", "person"),
    [
        ("/msg bob", "bob"),
        ("/QUERY [bob®] ", "bob"),
        ("/msg", ""),
        ("/msg bob hi", ""),
        ("/who bob", ""),
        ("bob", ""),
        ("//msg bob", ""),
    ],
)
def test_a_message_without_a_text_names_a_person(line: str, person: str) -> None:
    assert person_addressed(line) == person


@pytest.mark.parametrize("line", ["/mute", "/unmute"])
def test_a_room_that_is_not_shown_is_not_muted_from_a_private_conversation(line: str) -> None:
    with pytest.raises(ChatError, match="is for rooms"):
        private_command(line, "bob")
