"""The operator's console: bans, and the audit of what was done."""

from itertools import chain
from pathlib import Path
from unittest.mock import ANY

import pytest
import trio

from tests.dependencies import at_once
from tests.literals import literal_arguments
from tests.loop_watch import HELD_S, longest_hold
from trio_chat.chat.dependencies import Change
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.hooks import Hooks
from trio_chat.chat.operators.operator import Operator
from trio_chat.chat.outlet import NoOutlet
from trio_chat.chat.session_record import SessionRecord
from trio_chat.server.operation.console import COMMANDS, LINE_MAX, ConsoleContext, Quit, run_command
from trio_chat.server.upkeep.operator_log import OperatorLog

WRONG_END = (
    "Usage: ban NETWORK [MINUTES] [REASON], "
    "where MINUTES is a whole number from 1 to 99999999, or a time such as 2h or 7d"
)


def context_of(server, operator_log=None) -> ConsoleContext:
    journal = server.context.journal
    records = operator_log or OperatorLog(journal, lambda: 0.0)
    operator = Operator(server.chat, server.bans, server.mutes, records, lambda: 0.0, at_once, Hooks(server.chat))
    return ConsoleContext(operator, journal, journal, trio.lowlevel.checkpoint)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_test_types_each_command(name: str) -> None:
    calls = chain(literal_arguments("server/operation"), literal_arguments("protocol"))

    assert any(text.split()[:1] == [name] for arguments in calls for text in arguments), (
        f'write a test of it in this file: await run_command(context, "{name}")'
    )


async def test_help_lists_every_command_with_its_arguments(open_server, autojump_clock) -> None:
    async with open_server() as server:
        rows = list(await run_command(context_of(server), "help"))

        for command in COMMANDS.values():
            assert any(command.usage in row and command.help in row for row in rows)


async def test_a_list_of_thirty_thousand_clients_holds_nobody_up(open_server) -> None:
    async with open_server() as server:
        for number in range(30_000):
            server.chat.connect("10.0.0.1", 1 + number, mode=Mode.LINES, outlet=NoOutlet())

        async with longest_hold() as longest_s:
            rows = iter(await run_command(context_of(server), "list"))
            head = next(rows)

        assert longest_s() < HELD_S
        assert head.split()[:2] == ["PORT", "ADDRESS"]
        assert [row.split()[0] for row in rows] == [str(1 + number) for number in range(30_000)]


async def test_the_page_lists_clients_in_the_columns_of_today(open_server, autojump_clock) -> None:
    page = (Path(__file__).parents[3] / "docs/console.md").read_text(encoding="utf-8").splitlines()
    [head] = [line.split() for line in page if line.startswith("    PORT ")]

    async with open_server() as server:
        await server.join()
        listed = list(await run_command(context_of(server), "list"))

    assert listed[0].split() == head


async def test_a_ban_is_set_shown_and_lifted(open_server, autojump_clock) -> None:
    async with open_server() as server:
        context = context_of(server)

        assert list(await run_command(context, "bans")) == ["No bans"]
        assert list(await run_command(context, "ban 192.0.2.77/24 90 spam and more")) == [
            "Banned 192.0.2.0/24 until 1970-01-01 01:30 UTC; 0 kicked"
        ]
        assert list(await run_command(context, "ban 2001:db8::1 10 Downing Street")) == [
            "Banned 2001:db8::/64 until 1970-01-01 00:10 UTC; 0 kicked"
        ]
        assert list(await run_command(context, "bans")) == [
            "BANNED         SINCE                 UNTIL                 BY       REASON",
            "192.0.2.0/24   1970-01-01 00:00 UTC  1970-01-01 01:30 UTC  console  spam and more",
            "2001:db8::/64  1970-01-01 00:00 UTC  1970-01-01 00:10 UTC  console  Downing Street",
        ]
        assert list(await run_command(context, "unban 192.0.2.0/24")) == ["Unbanned 192.0.2.0/24"]
        assert list(await run_command(context, "unban 192.0.2.0/24")) == ["unban: there is no ban of 192.0.2.0/24"]


@pytest.mark.parametrize(
    ("terms", "until", "reason"),
    [
        ("10m", "1970-01-01 00:10", ""),
        ("2h spam", "1970-01-01 02:00", "spam"),
        ("1 day spam", "1970-01-02 00:00", "spam"),
        ("2W", "1970-01-15 00:00", ""),
        ("3 more warnings", "1970-01-01 00:03", "more warnings"),
    ],
)
@pytest.mark.parametrize("command", ["ban 192.0.2.1", "mute 192.0.2.1"])
async def test_a_ban_or_mute_for_a_time_with_a_unit_ends(
    open_server, autojump_clock, command: str, terms: str, until: str, reason: str
) -> None:
    async with open_server() as server:
        context = context_of(server)

        [answer] = await run_command(context, f"{command} {terms}")
        row = list(await run_command(context, f"{command.split()[0]}s"))[1]

    assert f" until {until} UTC; " in answer
    assert row.endswith(f"{until} UTC  console  {reason}".rstrip())


@pytest.mark.parametrize("line", ["/list", "LIST", "/List"])
async def test_a_slash_or_capitals_do_not_hide_a_command(open_server, autojump_clock, line: str) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), line)) == ["No clients"]


async def test_c19_a_line_that_is_too_long_does_nothing_and_says_what_may_be_typed(open_server, autojump_clock) -> None:
    async with open_server() as server:
        alice = await server.join()
        context = context_of(server)

        assert list(await run_command(context, f"say {'x' * LINE_MAX}")) == [
            "Line too long: at most 4096 characters; nothing was done"
        ]
        assert list(await run_command(context, "w" * LINE_MAX)) == [
            f"Unknown command: {'w' * 32} (help lists the commands)"
        ]
        assert list(await run_command(context, f"say {'x' * (LINE_MAX - 4)}")) == []

        assert await alice.line() == f"[server]> {'x' * (LINE_MAX - 4)}"


@pytest.mark.parametrize(("typed", "meant"), [("kick bob", "kill"), ("lits", "list"), ("exit", "quit()")])
async def test_an_unknown_command_is_answered_by_the_one_that_is_meant(
    open_server, autojump_clock, typed: str, meant: str
) -> None:
    async with open_server() as server:
        [answer] = await run_command(context_of(server), typed)

    assert answer == f"Unknown command: {typed.split()[0]} (did you mean {meant}? help lists the commands)"


async def test_a_mute_is_set_shown_and_lifted(open_server, autojump_clock) -> None:
    async with open_server() as server:
        context = context_of(server)
        await server.join()
        server.chat.rename(next(iter(server.chat.clients)), "alice")

        assert list(await run_command(context, "mutes")) == ["No mutes"]
        assert list(await run_command(context, "mute alice 90 spam and more")) == [
            "Muted [alice] until 1970-01-01 01:30 UTC; unmute m1 lifts that"
        ]
        assert list(await run_command(context, "mute 192.0.2.0/24")) == ["Muted 192.0.2.0/24; unmute m2 lifts that"]
        assert list(await run_command(context, "mutes")) == [
            "ID  MUTED            ADDRESS       SINCE                 UNTIL                 BY       REASON",
            "m1  alice            127.0.0.1     1970-01-01 00:00 UTC  1970-01-01 01:30 UTC  console  spam and more",
            "m2  everybody there  192.0.2.0/24  1970-01-01 00:00 UTC  -                     console",
        ]
        assert list(await run_command(context, "unmute alice")) == ["Unmuted [alice]"]
        assert list(await run_command(context, "unmute 192.0.2.0/24")) == ["Unmuted 192.0.2.0/24"]
        assert list(await run_command(context, "unmute m1")) == [
            "unmute: there is no mute of m1; mutes are listed with their ids"
        ]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("mute", "Usage: mute WHO [MINUTES] [REASON]"),
        ("unmute", "Usage: unmute WHO"),
        ("mute nobody", "mute: there is no client nobody"),
        ("mute 10.0.0.1 0", WRONG_END.replace("ban NETWORK", "mute WHO")),
    ],
)
async def test_a_mistyped_mute_is_answered(open_server, autojump_clock, line: str, row: str) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), line)) == [row]


async def test_a_ban_kicks_those_who_are_there(open_server, autojump_clock) -> None:
    async with open_server() as server:
        alice = await server.join()

        assert list(await run_command(context_of(server), "ban 127.0.0.1 rude")) == ["Banned 127.0.0.1; 1 kicked"]

        assert (await alice.rest()).endswith(b"*** you are banned: rude ***\n")
        assert await (await server.connect()).rest() == b"*** you are banned: rude ***\n"


async def test_c26_clients_that_are_away_are_listed_and_killed_by_nick_or_id(open_server, autojump_clock) -> None:
    async with open_server() as server:
        context, mode = context_of(server), Mode.FRAMES
        for number in (1, 2):
            client = server.chat.connect("192.0.2.1", 1024 + number, mode=mode, outlet=NoOutlet(), session=f"{number}")
            server.chat.rename(client, f"nick{number}x")
            server.chat.connection_lost(client, client.outlet)
        server.chat.restore(SessionRecord("s", "frames", "carol", "carol", ()))

        assert [row.split() for row in await run_command(context, "list")] == [
            ["PORT", "ADDRESS", "NICK", "MODE", "IDLE", "LINES", "BEHIND", "AWAY", "ID"],
            ["1025", "192.0.2.1", "nick1x", "frames", "0s", "0", "0", "0s", "c1"],
            ["1026", "192.0.2.1", "nick2x", "frames", "0s", "0", "0", "0s", "c2"],
            ["-", "-", "carol", "frames", ANY, "0", "0", "0s", "c3"],
        ]
        for who in ("NICK1X", "c2", "carol"):
            assert list(await run_command(context, f"kill {who}")) == []
        assert list(await run_command(context, "list")) == ["No clients"]
        assert server.changes[-3:] == [
            (Change.KICKED, "192.0.2.1:1025"),
            (Change.KICKED, "192.0.2.1:1026"),
            (Change.KICKED, "carol"),
        ]
        assert list(await run_command(context, "kill carol")) == ["Usage: kill PORT"]


@pytest.mark.parametrize("form", ["{port}", "127.0.0.1:{port}", "[127.0.0.1:{port}]"])
async def test_a_client_is_killed_by_its_port_and_by_its_address_as_the_chat_shows_it(
    open_server, autojump_clock, form: str
) -> None:
    async with open_server() as server:
        alice = await server.join()
        port = alice.stream.socket.getsockname()[1]

        assert list(await run_command(context_of(server), f"kill {form.format(port=port)}")) == []

        assert (await alice.rest()).endswith(b"*** you were kicked ***\n")


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("", "Usage: kill PORT"),
        ("abc", "Usage: kill PORT"),
        ("[alice]", "Usage: kill PORT"),
        ("[1]", "Usage: kill PORT"),
        ("1", "Unknown port number"),
        ("[10.0.0.1:1]", "Unknown port number"),
        ("[[::1]:1]", "Unknown port number"),
        ("::1:1", "Unknown port number"),
    ],
)
async def test_a_kill_of_nobody_is_answered(open_server, autojump_clock, argument: str, answer: str) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), f"kill {argument}")) == [answer]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ban", "Usage: ban NETWORK [MINUTES] [REASON]"),
        ("unban", "Usage: unban NETWORK"),
        ("ban alice", "ban: expected an address or a network, such as 10.1.2.3 or 2001:db8::/64"),
        ("unban 10.0.0.0/99", "unban: expected an address or a network, such as 10.1.2.3 or 2001:db8::/64"),
        ("ban 10.0.0.1 99999999999999999999", WRONG_END),
        ("ban 10.0.0.1 100000000 spam", WRONG_END),
        ("ban 10.0.0.1 0", WRONG_END),
        ("ban 10.0.0.1 -5 spam", WRONG_END),
        ("ban 10.0.0.1 1.5 spam", WRONG_END),
        ("ban 10.0.0.1 010 spam", WRONG_END),
        ("ban 10.0.0.1 90s spam", WRONG_END),
        ("ban 10.0.0.1 0h", WRONG_END),
        ("ban 10.0.0.1 1y", WRONG_END),
        ("ban 10.0.0.1 9999999d", WRONG_END),
        (f"ban 10.0.0.1 {'x' * 300}", "ban: a reason has at most 200 characters"),
    ],
)
async def test_a_senseless_command_is_answered(open_server, autojump_clock, line: str, answer: str) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), line)) == [answer]
        assert server.bans.current(0.0) == []


async def test_the_audit_lists_actions_with_their_authors(open_server, nursery: trio.Nursery, autojump_clock) -> None:
    async with open_server() as server:
        operator_log = OperatorLog(server.context.journal, lambda: 0.0)
        nursery.start_soon(operator_log.run)
        context = context_of(server, operator_log)
        assert list(await run_command(context, "audit")) == ["No changes yet"]
        alice = await server.join()
        port = alice.stream.socket.getsockname()[1]

        for line in (
            f"kill {port}",
            "say good night",
            "ban 192.0.2.0/24 90 spam",
            "unban 192.0.2.0/24",
            "unban 10.0.0.1",
        ):
            await run_command(context, line)

        assert await operator_log.settled(20)
        assert list(await run_command(context, "audit")) == [
            "TIME                  WHO      DID    WHAT",
            f"1970-01-01 00:00 UTC  console  kick   127.0.0.1:{port}",
            "1970-01-01 00:00 UTC  console  say    10 characters",
            "1970-01-01 00:00 UTC  console  ban    192.0.2.0/24 until 1970-01-01 01:30 UTC (0 kicked): spam",
            "1970-01-01 00:00 UTC  console  unban  192.0.2.0/24",
        ]
        assert list(await run_command(context, "audit 1"))[1:] == ["1970-01-01 00:00 UTC  console  unban  192.0.2.0/24"]
        assert list(await run_command(context, "audit all")) == ["Usage: audit [N]"]


async def test_a_table_shows_no_escape_sequence_and_a_line_a_row(
    open_server, nursery: trio.Nursery, autojump_clock
) -> None:
    async with open_server() as server:
        operator_log = OperatorLog(server.context.journal, lambda: 0.0)
        nursery.start_soon(operator_log.run)
        context = context_of(server, operator_log)

        operator_log.record("http fe80::1%\x1b[31m", "ban", "fe80::1%\x1b]0;pwn\x07\nforged")

        assert await operator_log.settled(20)
        assert list(await run_command(context, "audit")) == [
            "TIME                  WHO            DID  WHAT",
            "1970-01-01 00:00 UTC  http fe80::1%  ban  fe80::1% forged",
        ]


@pytest.mark.parametrize("line", ["quit bothering alice", "quit() now"])
async def test_a_sentence_that_begins_with_quit_does_not_stop_the_server(
    open_server, autojump_clock, line: str
) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), line)) == ["Usage: quit()"]


@pytest.mark.parametrize("prefix", ["\x1b[A", "\x1bOA", "\x7f", "\0", "\ufeff", "\u200b", " ", "x\b"])
async def test_c23_a_console_command_behind_a_key_is_obeyed(open_server, autojump_clock, prefix: str) -> None:
    async with open_server() as server:
        context = context_of(server)

        assert list(await run_command(context, f"{prefix}list")) == ["No clients"]
        with pytest.raises(Quit):
            await run_command(context, f"{prefix}quit()")


async def test_an_entry_is_removed_by_its_id_and_the_audit_has_not_its_words(
    open_server, nursery: trio.Nursery, autojump_clock
) -> None:
    async with open_server() as server:
        operator_log = OperatorLog(server.context.journal, lambda: 0.0)
        nursery.start_soon(operator_log.run)
        alice, bob = await server.join(), await server.join()
        await alice.send(b"secret\n")
        name = (await bob.line()).removesuffix("> secret")
        context = context_of(server, operator_log)
        (said,) = [it.id for it in await context.history.read("lobby", limit=9, without_presence=True)]

        assert list(await run_command(context, f"remove {said} rude")) == [
            f"Removed entry {said} of {name} from #lobby"
        ]
        assert list(await run_command(context, f"remove {said}")) == [f"remove: entry {said} was removed before"]
        assert await bob.line() == f"*** a message of {name} was removed: rude ***"
        assert await operator_log.settled(20)
        (row,) = [row for row in await run_command(context, "audit") if "remove" in row]
        assert f"entry {said} of #lobby by {name[1:-1]}: rude" in row
        assert "secret" not in row


@pytest.mark.parametrize("line", ["remove", "remove x", "remove -1", "remove 0", "remove ٣", "remove 1_0 spam"])
async def test_a_removal_takes_an_id(open_server, autojump_clock, line: str) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), line)) == ["Usage: remove ID [REASON]"]


async def test_an_entry_that_is_not_there_is_not_removed(open_server, autojump_clock) -> None:
    async with open_server() as server:
        assert list(await run_command(context_of(server), "remove 99")) == ["There is no entry 99 in any room"]


async def test_a_member_is_killed_in_all_places_by_name_and_in_one_by_its_port(open_server, autojump_clock) -> None:
    async with open_server() as server:
        context = context_of(server)
        for port in (1025, 1026, 1027):
            client = server.chat.connect("192.0.2.1", port, mode=Mode.FRAMES, outlet=NoOutlet())
            server.chat.places.enter_as(client, "a" * 16, "alice", "password")

        assert [row.split()[2] for row in await run_command(context, "list")] == ["NICK", "alice®", "alice®", "alice®"]
        assert list(await run_command(context, "mute alice")) == ["Muted [alice]; unmute m1 lifts that"]
        assert list(await run_command(context, "kill 1025")) == []
        assert [client.port for client in server.chat.clients] == [1026, 1027]
        assert list(await run_command(context, "kill alice®")) == []
        assert list(await run_command(context, "list")) == ["No clients"]
