"""The text that others would see decides what a line is: nothing private becomes public by a stray key."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_chat.chat.answers import LeaveChat, Posted
from trio_chat.chat.commands import COMMANDS, execute
from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import TypedLine, command_behind_key, read_line

KEYS = (
    *(
        "\x1b[A",
        "\x1b[1;5D",
        "\x1b[3~",
        "\x1bOA",
        "\x1bOp",
        "\x1b[[A",
        "\x1b[M !!",
        "\x1b[200~",
        "\x1bx",
        "\x1b",
        "\x9b",
    ),
    *("\x1b]0;title", "\x1b[", "\x1b(", "\x90", "\x1bP", "\x1b[<0;1;1M", "\x1b[a"),
    *("\x7f", "\b", "\0", "\t", "\r", "\v", "\f", "\x15", "\x17", "\x85", "\u2028"),
)
INVISIBLE = (
    *(
        " ",
        "\u00a0",
        "\u3000",
        "\u2003",
        "\u202f",
        "\u1680",
        "\u2800",
        "\ufeff",
        "\u200b",
        "\u200d",
        "\u2060",
        "\u00ad",
    ),
    *(
        "\u200e",
        "\u202e",
        "\u2066",
        "\ufe0f",
        "\U000e0100",
        "\U000e0061",
        "\u034f",
        "\u3164",
        "\u0301",
        "\ufffc",
        "\u061c",
    ),
)


@given(st.lists(st.sampled_from(KEYS + INVISIBLE), max_size=6).map("".join), st.sampled_from(["/", "\uff0f", "\u2215"]))
@example("hello\x1b[D", "/")
@example("hello\r", "/")
@example("\x1bOA", "/")
@example("\x1b[", "/")
def test_c23_a_private_command_after_any_key_says_nothing_to_the_room(prefix: str, slash: str) -> None:
    line = f"{prefix}{slash}msg bob secret"

    assert read_line(line).command == "/msg bob secret" or command_behind_key(line, ["msg"])


@pytest.mark.parametrize("prefix", [*KEYS, *INVISIBLE, "hi\x1b[D", "hi\x15", "\x1b[1;", "hi\r", "OA", "[D[D", "^[[3~"])
def test_c23_nobody_but_the_one_meant_sees_a_message_behind_a_key(world, prefix: str) -> None:
    alice, bob, carol = world.connect(1001), world.connect(1002), world.connect(1003)
    world.chat.rename(bob, "bob")
    world.settle()
    world.hear(carol)

    refusal = ""
    try:
        execute(world.chat, alice, f"{prefix}/msg bob secret")
    except ChatError as error:
        refusal = error.text
    world.settle()

    assert world.hear(carol) == ""
    assert ("secret" in world.hear(bob)) == (not refusal)
    assert not refusal or refusal == "a key that is no text came before /msg, so nothing was sent: type it again"


@pytest.mark.parametrize(
    "prefix", ["\x1b[A", "\x7f", "\0", "\ufeff", "\u200b", " ", "\u3000", "\x1bOB", "\x1b[[A", "x\x7f"]
)
@pytest.mark.parametrize(
    "typed", ["/msg bob secret", "\uff0fmsg bob secret", "\uff0f\uff4d\uff53\uff47\u3000bob\u3000secret"]
)
def test_a_command_behind_a_key_that_is_no_text_is_obeyed(world, prefix: str, typed: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.rename(bob, "bob")
    world.settle()

    assert isinstance(execute(world.chat, alice, prefix + typed), Posted)
    world.settle()

    assert world.hear(bob).endswith("[10.0.0.1:1001 -> bob]> secret\n")


@pytest.mark.parametrize(
    "line", ["OA/etc/passwd", "OK /msg bob hi", "see [a]/msg bob hi", "[1]/msg bob hi", "on/msg x y"]
)
def test_a_text_that_does_not_begin_like_a_key_before_a_private_command_is_said(world, line: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    execute(world.chat, alice, line)
    world.settle()

    assert world.hear(bob).endswith(f"> {line}\n")


@pytest.mark.parametrize("line", ["\x1b[Aquit()", "\ufeffquit()", "x\bquit()", "\u200bquit() ", " /quit"])
def test_quit_behind_a_stray_key_leaves(world, line: str) -> None:
    assert execute(world.chat, world.connect(1001), line) == LeaveChat()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("//etc", "/etc"),
        ("\u200b//etc", "/etc"),
        ("  //etc", "  /etc"),
        ("\uff0f\uff0fetc", "\uff0fetc"),
        ("///", "//"),
        ("and/or", "and/or"),
        ("    quit()", "    quit()"),  # an indented line of code, which shows nobody anything private
        ("\u2571\u2572", "\u2571\u2572"),  # drawn, not written
        ("\uff0f", "\uff0f"),
        ("see\x1b[0m /history 5", "see /history 5"),  # colours before what is not private
        ("helo\blo, /msg bob hi", "hello, /msg bob hi"),
        ("N\bNA\bA", "NA"),  # bold, as of old
        ("one two\x17three", "one three"),
        ("\b\x15\x17", ""),
        ("", ""),
    ],
)
def test_the_text_of_a_line(line: str, text: str) -> None:
    assert read_line(line) == TypedLine(text)
    assert not command_behind_key(line, ["msg"])


@given(st.text())
def test_a_line_is_the_same_whether_it_was_cleaned_before(line: str) -> None:
    typed = read_line(line)

    assert not (typed.command and typed.is_quit)
    assert read_line(typed.command).command == typed.command


def test_a_path_is_told_how_to_say_it(world) -> None:
    with pytest.raises(ChatError, match="// says a line that begins with /"):
        execute(world.chat, world.connect(1001), "/etc/passwd")


def test_every_private_command_has_a_name_that_is_looked_for() -> None:
    assert command_behind_key("hi\x1b[D/whisper bob secret", ["msg", *COMMANDS["msg"].synonyms]) == "/whisper"


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/nick al\u200bice", "/nick al\u200bice"),
        ("\x1b[A /nick e\x1b[1mve", "/nick e\x1b[1mve"),
        ("/ni\u200bck alice", "/nick alice"),
        ("/nick alicx\x7fe", "/nick alice"),
    ],
)
def test_an_argument_is_as_it_was_typed(typed: str, command: str) -> None:
    assert read_line(typed).command == command
