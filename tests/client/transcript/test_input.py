import pytest

from trio_chat.chat.command_table import Effect
from trio_chat.chat.commands import COMMANDS as COMMANDS_OF_LINES
from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import MOMENT_EXAMPLES
from trio_chat.client.link.events import Message
from trio_chat.client.transcript.input import (
    CLIENT_COMMANDS,
    COMMANDS,
    ELSEWHERE,
    CommandHelp,
    Ignore,
    Local,
    LogIn,
    Meaning,
    TypedCommand,
    _for_server,
    help_lines,
    help_of,
    meaning_of,
)
from trio_chat.client.transcript.typed_forms import expand_reply
from trio_chat.wire import frames

NOW = 1.8e9
"""The time at which something is typed, in seconds since 1970."""

EXAMPLES = "/history 20, /history before yesterday, /history 20 after 14:00"


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("hello @smile", frames.Say(room="dev", text="hello @smile")),
        ("//etc/passwd", frames.Say(room="dev", text="/etc/passwd")),
        ("say quit()", frames.Say(room="dev", text="say quit()")),
        ("quit() ", Local.QUIT),
        ("/QUIT now", Local.QUIT),
        ("/me  waves ", frames.Act(room="dev", text="waves")),
        ("/msg [bob] hi there", frames.Tell(to="bob", text="hi there")),
        ("/join #Kitchen", frames.Join(room="#Kitchen")),
        ("/leave", frames.Leave(room="dev")),
        ("/topic", Local.TOPIC),
        ("/topic food", frames.Topic(room="dev", text="food")),
        ("/topic - food", frames.Topic(room="dev", text="- food")),
        ("/topic -", frames.Topic(room="dev", text="")),
        ("/nick", Local.NICK),
        ("/nick al", frames.Nick(nick="al")),
        ("/who", frames.Who(room="dev")),
        ("/rooms", frames.ListRooms()),
        ("/history", frames.History(room="dev", limit=20, presence=False)),
        ("/history before 4711", frames.History(room="dev", limit=20, before=4711, presence=False)),
        ("/history 5 after 1970-01-02T00:00Z", frames.History(room="dev", limit=5, after_time=86400, presence=False)),
        ("/history 100000", frames.History(room="dev", limit=1000, presence=False)),
        ("/search blue cheese", frames.Search(room="dev", text="blue cheese")),
        ("/stickers", Local.STICKERS),
        ("/ignore", Ignore("")),
        ("/ignore [bob]", Ignore("bob")),
        ("/unignore bob", Ignore("bob", is_over=True)),
        ("/help", Local.HELP),
        ("/help topic", CommandHelp("topic")),
        ("/help /Topic", CommandHelp("topic")),
    ],
)
def test_a_typed_line_has_the_same_meaning_as_over_nc(line: str, meaning: Meaning) -> None:
    assert meaning_of(line, "dev", NOW) == meaning


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/me", "/me needs a text: /me TEXT"),
        ("/msg bob ", "/msg needs a nick and a text: /msg NICK TEXT"),
        ("/join", "/join needs a room: /join ROOM"),
        ("/reply", "/reply needs a text: /reply TEXT"),
        ("/reply hi", "nobody has sent you a private message yet"),
        ("/unignore", "/unignore needs a nick: /unignore NICK"),
        ("/leave", "#lobby cannot be left; /quit leaves the chat"),
        ("/search", "/search needs something to look for: /search WORDS"),
        ("/history x", f"expected a number of lines up to 1000, before or after a time, or both: {EXAMPLES}"),
        ("/history 5 before", f"say before what: {MOMENT_EXAMPLES}"),
        ("/history before lunch", f"lunch is no time: expected {MOMENT_EXAMPLES}"),
        (
            "/frob\x1b[31mnicate x",
            "unknown command /frobnicate: /help lists the commands; // says a line that begins with /",
        ),
        ("/stiker", "unknown command /stiker: did you mean /stickers?"),
        ("/notice bob hi", "unknown command /notice: did you mean /msg?"),
        ("/query bob", "unknown command /query: did you mean /msg?"),
        ("/part", "unknown command /part: did you mean /leave?"),
        ("/close", "unknown command /close: did you mean /leave?"),
        *((f"/{name}", sentence) for name, sentence in ELSEWHERE.items()),
        ("/Clear all", ELSEWHERE["clear"]),
    ],
)
def test_an_invalid_line_is_answered_by_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ChatError) as caught:
        meaning_of(line, "lobby", NOW)

    assert caught.value.text == sentence


def test_there_is_every_command_that_those_with_nc_have_and_help_names_them() -> None:
    assert set(COMMANDS) == {*COMMANDS_OF_LINES, *CLIENT_COMMANDS}
    assert set(COMMANDS_OF_LINES).isdisjoint(CLIENT_COMMANDS)
    assert all(any(line.startswith(f"  /{name} ") for line in help_lines()) for name in COMMANDS)
    assert max(map(len, help_lines())) <= 80


@pytest.mark.parametrize("columns", [24, 34, 46, 62, 70])
def test_the_help_fits_into_the_columns_that_there_are(columns: int) -> None:
    usages = [command.title for command in COMMANDS.values()]

    lines = help_lines([("Ctrl-U, Ctrl-W", "clear the line, or the word before the cursor")], columns=columns)

    assert [line for line in lines if len(line) > columns and line.strip() not in usages] == []
    assert all(any(line.startswith(f"  /{name}") for line in lines) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS_OF_LINES)
def test_a_command_means_the_request_that_its_row_names(name: str) -> None:
    command = COMMANDS[name]
    meaning = meaning_of({"msg": "/msg bob hi", "help": "/help"}.get(name, f"/{name} 1"), "dev", NOW)

    if not isinstance(meaning, Local | LogIn):  # a key proves a name on another connection
        assert meaning.__struct_config__.tag == (command.request or "command"), (
            "return the request of its row from a function in _OURS_FOR_CHAT, in client/transcript/input.py"
        )
        assert isinstance(meaning, Message) == (command.effect in (Effect.SAYS, Effect.TELLS)), (
            "a request that says something is a Message, in client/link/events.py, and any other is a Question there"
        )


def test_a_command_without_a_request_is_left_to_the_server() -> None:
    typed = TypedCommand("dev", "2d6", 0, "/roll 2d6", NOW)

    assert _for_server(typed) == frames.RunCommand(room="dev", line="/roll 2d6")


def test_a_command_that_is_left_to_the_server_is_sent_whole_or_refused() -> None:
    longest = "/whois " + "x" * (frames.TEXT_LIMIT - len("/whois "))

    assert meaning_of(longest, "dev", NOW) == frames.RunCommand(room="dev", line=longest)
    with pytest.raises(ChatError, match=r"^line too long: at most 4096 characters; it was not sent$"):
        meaning_of(longest + "x", "dev", NOW)


@pytest.mark.parametrize("prefix", [" ", "\u200b", "\ufeff", "\u3000", "\x1b[A", "\t"])
def test_c23_a_private_message_behind_something_invisible_is_for_one_person(prefix: str) -> None:
    assert meaning_of(f"{prefix}/msg bob hi", "dev", NOW) == frames.Tell(to="bob", text="hi")
    assert expand_reply(f"{prefix}/reply hi", "bob") == "/msg bob hi"
    assert meaning_of(f"{prefix}\uff0fmsg\u3000bob hi", "dev", NOW) == frames.Tell(to="bob", text="hi")


def test_c23_a_private_message_behind_a_key_that_left_letters_is_not_sent() -> None:
    with pytest.raises(ChatError, match="a key that is no text came before /reply"):
        meaning_of("x\x1b[D/reply secret", "dev", NOW)


@pytest.mark.parametrize("start", ["", "/nick ", "/msg bob ", "/"])
def test_c19_a_line_that_is_too_long_is_refused_with_the_length_expected(start: str) -> None:
    with pytest.raises(ChatError, match="at most 4096 characters; it was not sent"):
        meaning_of(start + "\u0301\u0323" * 32_000, "dev", NOW)
    assert expand_reply(line := "/reply " + "\u200b" * 64_000 + "hi", "bob") is line


def test_ones_own_conversation_with_somebody_is_a_history() -> None:
    asked = meaning_of("/history @bob 5", "dev", NOW)

    assert asked == frames.History(room="@bob", limit=5, presence=False)
    assert meaning_of("/history @[bob®]", "dev", NOW) == frames.History(room="@bob", limit=20, presence=False)
    assert meaning_of("/history 5", "dev", NOW) == frames.History(room="dev", limit=5, presence=False)


def test_the_own_key_is_added_by_a_command_without_it() -> None:
    assert meaning_of("/key add", "dev", NOW) is Local.ADD_KEY
    assert isinstance(meaning_of("/key add ssh-ed25519 AAAA", "dev", NOW), frames.RunCommand)
    assert isinstance(meaning_of("/key remove SHA256:x", "dev", NOW), frames.RunCommand)


def test_a_name_is_taken_by_a_key_or_by_a_password_which_the_server_checks() -> None:
    assert meaning_of("/login [alice®]", "dev", NOW) == LogIn("alice")
    assert meaning_of("/invite abc", "dev", NOW) == LogIn(invite="abc")
    assert meaning_of("/register", "dev", NOW) == frames.ClaimName(proof=frames.Proof())
    assert meaning_of("/register pass word", "dev", NOW) == frames.RunCommand(room="dev", line="/register pass word")
    assert meaning_of("/msg alice® hi", "dev", NOW) == frames.Tell(to="alice", text="hi")
    assert "abc" not in repr(LogIn(invite="abc"))


def test_the_help_of_one_command_is_its_entry_and_an_unknown_one_is_told() -> None:
    assert help_of("topic").startswith("/topic [TEXT]  ")
    with pytest.raises(ChatError, match="did you mean /topic"):
        meaning_of("/help topik", "dev", NOW)
