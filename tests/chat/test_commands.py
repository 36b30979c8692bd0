import re
from typing import get_args

import pytest

from tests.literals import literals
from trio_chat.chat.answers import HistoryQuery, LeaveChat, MentionsQuery, NameRequest, Posted, TextReply
from trio_chat.chat.command_table import Command, Effect
from trio_chat.chat.commands import COMMANDS, REQUEST_PRICES, Call, execute, price_of, run_for_program
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.moments import Bounds
from trio_chat.chat.typed_line import read_line
from trio_chat.wire import frames


@pytest.mark.parametrize("name", COMMANDS)
def test_a_test_types_each_command(name: str) -> None:
    typed = re.compile(rf"/{name}(\s.*)?", re.DOTALL)

    assert any(typed.fullmatch(text) for text in literals("chat")), (
        f'write a test of what it decides, in this file: execute(world.chat, alice, "/{name}")'
    )


def test_the_stickers_of_the_server_are_listed_or_that_there_are_none(world) -> None:
    alice = world.connect(1001)
    assert execute(world.chat, alice, "/stickers") == TextReply(
        ("*** this server has no stickers of its own; clients draw theirs, such as @smile ***",)
    )

    world.chat.sticker_lines = ("@standup ☀",)

    assert execute(world.chat, alice, "/stickers") == TextReply(("@standup ☀",))


def test_a_line_is_said(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    assert isinstance(execute(world.chat, alice, "hello"), Posted)
    world.settle()

    assert world.hear(bob) == "[10.0.0.1:1001]> hello\n"


@pytest.mark.parametrize("line", ["/msg bob \u200b", "/me \u202e", "/me \u3164", "/msg bob \x1b[A"])
def test_a_text_of_which_nothing_can_be_read_is_refused_with_a_sentence(world, line: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.rename(bob, "bob")

    with pytest.raises(ChatError, match=r"nothing of that can be read|/me needs a text"):
        execute(world.chat, alice, line)


@pytest.mark.parametrize("typed", ["[bob]", "@bob", "bob:", "bob,", "@bob:"])
def test_a_person_may_be_named_as_in_other_chats(world, typed: str) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    world.chat.rename(bob, "bob")

    assert isinstance(execute(world.chat, alice, f"/msg {typed} hi"), Posted)
    assert execute(world.chat, alice, f"/whois {typed}") == execute(world.chat, alice, "/whois bob")


def test_two_slashes_say_a_line_that_begins_with_one(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    execute(world.chat, alice, "//etc/passwd")
    world.settle()

    assert world.hear(bob) == "[10.0.0.1:1001]> /etc/passwd\n"


@pytest.mark.parametrize("line", ["quit()", "quit() ", "/quit", "/QUIT"])
def test_leaving(world, line: str) -> None:
    assert execute(world.chat, world.connect(1001), line) == LeaveChat()


def test_help_names_every_command(world) -> None:
    answer = execute(world.chat, world.connect(1001), "/help")

    assert isinstance(answer, TextReply)
    told = " ".join(" ".join(answer.lines).split())
    assert all(f"{command.title} {command.help}" in told for command in COMMANDS.values())


def test_who_names_everyone_and_says_which_one_you_are(world) -> None:
    alice, _ = world.connect(1001), world.connect(1002)
    world.chat.rename(alice, "alice")

    assert execute(world.chat, alice, "/who") == TextReply(("*** 2 in #lobby: [alice] (you), [10.0.0.1:1002] ***",))


def test_a_nick_is_taken_and_told(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    answer = execute(world.chat, alice, "/nick alice")
    world.settle()

    assert isinstance(answer, Posted)
    assert answer.lines == ("*** you are [alice] now ***",)
    assert world.hear(bob) == "*** [10.0.0.1:1001] is now [alice] ***\n"


def test_an_action_is_shown_with_a_star(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    execute(world.chat, alice, "/me waves")
    world.settle()

    assert world.hear(bob) == "* [10.0.0.1:1001] waves\n"


@pytest.mark.parametrize(("line", "limit"), [("/history", 20), ("/history 5", 5), ("/history 999999", 1000)])
def test_history_asks_for_the_last_lines(world, line: str, limit: int) -> None:
    assert execute(world.chat, world.connect(1001), line) == HistoryQuery("lobby", limit)


@pytest.mark.parametrize(
    ("line", "limit", "bounds"),
    [
        ("/history before 4711", 20, Bounds(before=4711)),
        ("/history 5 BEFORE 4711", 5, Bounds(before=4711)),
        ("/history 5 after 4711", 5, Bounds(after=4711)),
        ("/history 5000 before  1970-01-02 01:00Z", 1000, Bounds(before_time=90_000)),
    ],
)
def test_history_asks_for_lines_before_or_after_something(world, line: str, limit: int, bounds: Bounds) -> None:
    assert execute(world.chat, world.connect(1001), line) == HistoryQuery("lobby", limit, bounds)


@pytest.mark.parametrize("line", ["/history x", "/history 0", "/history -1", "/history ５", "/history " + "9" * 5000])
def test_history_of_no_number_is_refused(world, line: str) -> None:
    with pytest.raises(ChatError, match="expected a number"):
        execute(world.chat, world.connect(1001), line)


def test_an_unknown_command_is_not_said_and_points_to_help(world) -> None:
    alice = world.connect(1001)

    with pytest.raises(ChatError, match=r"/frobnicate.*help"):
        execute(world.chat, alice, "/frobnicate now")

    assert world.posted == []


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        *(("/hlep", "help"), ("/WHOM bob", "who"), ("/part", "leave"), ("/names", "who"), ("/hist 5", "history")),
        *(("/w", "who"), ("/w bob", "who"), ("/w bob hi", "msg")),
    ],
)
def test_a_command_that_is_mistyped_or_of_another_chat_is_answered_by_the_one_meant(
    world, line: str, meant: str
) -> None:
    with pytest.raises(ChatError) as refused:
        execute(world.chat, world.connect(1001), line)

    assert refused.value.text.endswith(f": did you mean /{meant}?")


def test_synonyms_of_commands_are_no_commands_of_ours_and_unique_for_a_number_of_words() -> None:
    synonyms = [(name, command.suits("one two")) for command in COMMANDS.values() for name in command.synonyms]

    assert {name for name, _ in synonyms}.isdisjoint(COMMANDS)
    assert len(set(synonyms)) == len(synonyms)


def test_an_answer_repeats_no_escape_sequence(world) -> None:
    with pytest.raises(ChatError) as refused:
        execute(world.chat, world.connect(1001), "/\x1b[31mred")

    assert "\x1b" not in refused.value.text


def test_every_request_of_programs_has_a_price_that_of_its_command_if_it_has_one() -> None:
    requests = {str(frame.__struct_config__.tag) for frame in get_args(frames.AnyRequest)}

    assert REQUEST_PRICES.keys() == requests - {"command"}
    assert all(REQUEST_PRICES[it.request] is it.price for it in COMMANDS.values() if it.request)


@pytest.mark.parametrize(
    ("line", "price"),
    [
        *(("/who", 5), ("/WHO ", 5), ("/rooms", 5), ("/search a b", 5), ("/search 1000", 5)),
        *(("/me who", 1), ("//who", 1), ("/whom", 1), ("/help", 1), ("/topic x", 1)),
        *(("/history", 5), ("/history 100", 5), ("/history 101", 6), ("/history 1000", 14), ("/history -", 5)),
        *(("/history 1000 before 7", 14), ("/history before 9000", 5)),
        *(("/msg bob hi", 2), ("/nick bob", 3), ("/join ops", 4), ("/leave", 4)),
    ],
)
def test_c21_a_line_is_priced_by_what_it_writes_and_reads(world, line: str, price: int) -> None:
    alice = world.connect(1001)
    for room in ("a", "b"):
        world.chat.join(alice, room)

    assert price_of(alice, read_line(line)) == price


def test_c21_a_line_writes_no_more_entries_than_it_counts_for(world) -> None:
    alice = world.connect(1001)
    world.connect(1002)
    for line in ("/nick alice", "/join ops", "/topic t", "/me waves", "/msg 10.0.0.1:1002 hi", "/leave", "hello"):
        world.posted.clear()
        price = price_of(alice, read_line(line))

        execute(world.chat, alice, line)

        assert 0 < len(world.posted) <= price, line


@pytest.mark.parametrize("line", ["/me", "/msg bob", "/msg", "/join", "/search "])
def test_an_argument_that_is_missing_is_named_with_the_usage(world, line: str) -> None:
    with pytest.raises(ChatError, match=r"^/[a-z]+ needs .*: /") as refused:
        execute(world.chat, world.connect(1001), line)

    assert refused.value.text.endswith(COMMANDS[line[1:].split()[0]].title)


def test_a_command_that_says_something_has_a_request() -> None:
    lost = [it.name for it in COMMANDS.values() if it.effect in (Effect.SAYS, Effect.TELLS) and not it.request]

    assert lost == [], "a command that says something needs a `request`, or our client would lose it"


ROLL = Command("roll", "[DICE]", "", lambda call: call.act(f"rolls {call.argument}: 9"), Effect.SAYS)


@pytest.mark.parametrize("mode", Mode)
def test_the_entry_of_a_command_is_sent_once_to_everyone_and_to_its_author_too(world, mode: Mode) -> None:
    alice, bob = world.connect(1001, mode=mode), world.connect(1002)

    ROLL.run(Call(world.chat, alice, "2d6", 0))
    world.settle()

    assert world.hear(bob) == "* [10.0.0.1:1001] rolls 2d6: 9\n"
    assert world.hear(alice).count("rolls 2d6: 9\n") == 1


def test_a_program_runs_a_command_in_the_room_it_names(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES), world.connect(1002)
    world.chat.join(alice, "dev")

    ROLL.run(Call(world.chat, alice, "2d6", 0, world.lobby))
    world.settle()

    assert world.hear(bob) == "* [10.0.0.1:1001] rolls 2d6: 9\n"
    assert run_for_program(world.chat, alice, "/help", world.lobby) == execute(world.chat, alice, "/help")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/join ops", "/join has a request of its own: join"),
        ("hello", "a command begins with /"),
        ("//hello", "a command begins with /"),
        ("/frob", "unknown command /frob: /help lists the commands; // says a line that begins with /"),
    ],
)
def test_a_program_is_refused_commands_that_it_cannot_run(world, line: str, sentence: str) -> None:
    with pytest.raises(ChatError) as refused:
        run_for_program(world.chat, world.connect(1001, mode=Mode.FRAMES), line, world.lobby)

    assert refused.value.text == sentence


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/register", NameRequest("register")),
        ("/register correct horse", NameRequest("register", secret="correct horse")),
        ("/login alice", NameRequest("login", "alice")),
        ("/login alice correct horse", NameRequest("login", "alice", "correct horse")),
        ("/password", NameRequest("password")),
        ("/password correct horse", NameRequest("password", secret="correct horse")),
        ("/keys", NameRequest("keys")),
        ("/key add ssh-ed25519 AAAA alice", NameRequest("key-add", text="ssh-ed25519 AAAA alice")),
        ("/key remove SHA256:x", NameRequest("key-remove", text="SHA256:x")),
        ("/whois [alice]", NameRequest("whois", "alice")),
        ("/invite abc", NameRequest("invite", secret="abc")),
        ("/mentions", MentionsQuery(20)),
        ("/mentions 500", MentionsQuery(50)),
    ],
)
def test_what_is_asked_of_names_is_left_to_the_session(world, line: str, answer: NameRequest | MentionsQuery) -> None:
    assert execute(world.chat, world.connect(1001), line) == answer


@pytest.mark.parametrize("argument", ["0", "x", "-1", "5 before yesterday", "before yesterday", "9" * 5000])
def test_mentions_of_no_number_are_refused_in_their_own_words(world, argument: str) -> None:
    with pytest.raises(ChatError, match=r"^expected a number of lines up to 50: /mentions 20$"):
        execute(world.chat, world.connect(1001), f"/mentions {argument}")


@pytest.mark.parametrize("line", ["/key", "/key add", "/key burn x", "/login", "/whois", "/invite"])
def test_a_request_of_names_that_lacks_something_is_refused(world, line: str) -> None:
    with pytest.raises(ChatError) as raised:
        execute(world.chat, world.connect(1001), line)

    assert raised.value.code == "usage"


@pytest.mark.parametrize("name", [it.name for it in COMMANDS.values() if it.is_secret])
def test_a_secret_behind_a_stray_key_is_refused(world, name: str) -> None:
    with pytest.raises(ChatError, match=f"came before /{name}, so nothing was sent"):
        execute(world.chat, world.connect(1001), f"hi\x1b[D/{name} alice hunter22")


def test_secret_commands_are_those_with_a_password_or_a_code() -> None:
    assert {it.name for it in COMMANDS.values() if it.is_secret} == {"register", "login", "password", "invite"}
