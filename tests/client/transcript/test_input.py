from contextlib import suppress

import pytest

from trio_chat.chat.command_table import Effect
from trio_chat.chat.commands import COMMANDS as COMMANDS_OF_LINES
from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import MOMENT_EXAMPLES
from trio_chat.client.link.events import Message
from trio_chat.client.transcript.input import (
    COMMANDS,
    ELSEWHERE,
    OUR_COMMANDS,
    HelpWith,
    Ignore,
    Local,
    LogIn,
    Meaning,
    TypedCommand,
    _for_server,
    help_lines,
    help_with,
    may_be_kept,
    meaning_of,
    person_addressed,
    privately,
    secret_wanted,
    without_secret,
    written_out,
)
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
        ("/help topic", HelpWith("topic")),
        ("/help /Topic", HelpWith("topic")),
    ],
)
def test_a_typed_line_has_the_same_meaning_as_over_nc(line: str, meaning: Meaning) -> None:
    assert meaning_of(line, "dev", NOW) == meaning


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
    assert privately(line, "bob") == private


@pytest.mark.parametrize("name", [name for name, it in COMMANDS.items() if it.effect is Effect.SAYS])
def test_no_command_typed_in_a_private_conversation_says_anything_in_a_room(name: str) -> None:
    meaning: Meaning | None = None
    with suppress(ChatError):
        meaning = meaning_of(privately(f"/{name} something", "bob"), "lobby", NOW)

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
        privately(line, "bob")


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
    assert set(COMMANDS) == {*COMMANDS_OF_LINES, *OUR_COMMANDS}
    assert set(COMMANDS_OF_LINES).isdisjoint(OUR_COMMANDS)
    assert all(any(line.startswith(f"  /{name} ") for line in help_lines()) for name in COMMANDS)
    assert max(map(len, help_lines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_that_a_password_is_asked_for_where_it_is(name: str) -> None:
    is_asked = bool(secret_wanted(f"/{name} alice")) or bool(secret_wanted(f"/{name}"))

    assert ("asked for" in COMMANDS[name].help) == is_asked


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
    assert written_out(f"{prefix}/reply hi", "bob") == "/msg bob hi"
    assert meaning_of(f"{prefix}\uff0fmsg\u3000bob hi", "dev", NOW) == frames.Tell(to="bob", text="hi")


def test_c23_a_private_message_behind_a_key_that_left_letters_is_not_sent() -> None:
    with pytest.raises(ChatError, match="a key that is no text came before /reply"):
        meaning_of("x\x1b[D/reply secret", "dev", NOW)


@pytest.mark.parametrize("start", ["", "/nick ", "/msg bob ", "/"])
def test_c19_a_line_that_is_too_long_is_refused_with_the_length_expected(start: str) -> None:
    with pytest.raises(ChatError, match="at most 4096 characters; it was not sent"):
        meaning_of(start + "\u0301\u0323" * 32_000, "dev", NOW)
    assert written_out(line := "/reply " + "\u200b" * 64_000 + "hi", "bob") is line


SECRET = "correct horse"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"/login alice {SECRET}", "/login alice ••••"),
        (f"/LOGIN alice {SECRET}", "/login alice ••••"),
        (f"  /login  alice  {SECRET}", "/login alice ••••"),
        (f"/register {SECRET}", "/register ••••"),
        (f"/password {SECRET}", "/password ••••"),
        (f"/invite {SECRET}", "/invite ••••"),
        (f"/logn alice {SECRET}", "/logn ••••"),
        (f"/identify {SECRET}", "/identify ••••"),
        (f"\x1bOA/login alice {SECRET}", "/login alice ••••"),
        (f"\x01x/login alice {SECRET}", "\x01x/login ••••"),
        ("/login alice", "/login alice"),
        ("/register", "/register"),
        ("/msg bob login alice", "/msg bob login alice"),
        ("/nick bob", "/nick bob"),
        ("hello /login alice", "hello /login alice"),
    ],
)
def test_a_password_in_a_typed_line_is_never_shown_or_kept(line: str, shown: str) -> None:
    assert without_secret(line) == shown
    if SECRET in line and line.isprintable():
        assert not may_be_kept(line)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/login alice", "login"),
        ("/LOGIN alice", "login"),
        ("/password", "password"),
        ("/login alice pw", ""),
        ("/login", ""),
        ("/password pw", ""),
        ("/register", ""),
        ("login alice", ""),
        ("/login alice\nhi", ""),
    ],
)
def test_a_command_that_lacks_its_password_asks_for_it(line: str, wanted: str) -> None:
    assert secret_wanted(line) == wanted


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
    assert help_with("topic").startswith("/topic [TEXT]  ")
    with pytest.raises(ChatError, match="did you mean /topic"):
        meaning_of("/help topik", "dev", NOW)
