"""The operator's console: one table of commands, and the lines about connections.

It works on a terminal and on a pipe; the end of input, /dev/null and a closed stdin leave the server running.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, repeat
from types import MappingProxyType

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Change
from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.bans import Ban, make_ban
from trio_chat.chat.operators.mutes import Mute, network_written
from trio_chat.chat.operators.networks import show_network
from trio_chat.chat.operators.operator import SETTLED_WITHIN_S, Operator
from trio_chat.chat.operators.restrictions import show_time
from trio_chat.chat.register import as_peer
from trio_chat.chat.text import TEXT_MAX, clean, excerpt
from trio_chat.chat.typed_line import as_seen
from trio_chat.journal import AuditRecord, Damaged, HistoryReader, JournalError, OperatorStore
from trio_chat.journal.lookup import entry_in_rooms, read_id
from trio_chat.text_width import text_width

BY = "console"
"""The actor of console commands in the audit."""

AUDIT_ROWS = 20

LINE_MAX = TEXT_MAX
"""Characters of a typed line."""

ROWS_PER_TURN = 200
"""Rows of a table made between two checkpoints, in 2 ms, so that a list of thousands holds up nobody."""

_MINUTES_MAX = 99_999_999
_UNITS = r"(?:m|mins?|minutes?|(?P<hours>h|hrs?|hours?)|(?P<days>d|days?)|(?P<weeks>w|weeks?))"
_DURATION = re.compile(rf"(?P<number>[1-9][0-9]{{0,7}})(?: ?{_UNITS})?(?=\s|\Z)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,_]*(?:[smhdwy]|secs?|seconds?|months?|years?)?(?=\s|\Z)", re.IGNORECASE)
_COUNT = re.compile("[1-9][0-9]{0,3}", re.ASCII)
_ASCII_DIGITS = frozenset("0123456789")


class Quit(Exception):  # noqa: N818  # a request, not an error
    """The operator typed `quit()`."""


class _UsageError(Exception):
    """A command was mistyped; the text is its usage."""


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """The context of console commands. `reload` returns when its result is printed, or after a timeout."""

    operator: Operator
    store: OperatorStore
    history: HistoryReader
    reload: Callable[[], Awaitable[None]]

    @property
    def chat(self) -> Chat:
        """The chat that the operator controls."""
        return self.operator.chat


@dataclass(frozen=True, slots=True)
class ConsoleCommand:
    """One row of the table: usage, help, and the function that returns the lines to print."""

    usage: str
    help: str
    run: Callable[[ConsoleContext, str], Awaitable[Iterable[str]]]


def change_line(change: Change, client: Client) -> str:
    """Format the beginning or end of a connection. Only `connected` is written with a comma (DESIGN.md §2)."""
    if change is Change.CONNECTED:
        return f"Client [{client.address}, {client.port}] connected"
    return f"Client [{client.peer}] {change}"


_NAME_MAX = 20
"""Characters of an unknown command that are compared with others."""

_OTHER_NAMES = MappingProxyType(
    {"kick": "kill", "who": "list", "clients": "list", "broadcast": "say", "exit": "quit()", "stop": "quit()"}
)
"""Names of commands in other programs and in the API."""


def _unknown(word: str) -> str:
    name = word.removeprefix("/")[:_NAME_MAX].lower()
    near = get_close_matches(name, COMMANDS, n=1)
    meant = _OTHER_NAMES.get(name) or (near[0] if near else "")
    advice = f"did you mean {meant}? help lists the commands" if meant else "help lists the commands"
    return f"Unknown command: {excerpt(word)} ({advice})"


async def run_command(context: ConsoleContext, line: str) -> Iterable[str]:
    """Run a typed command. -> lines to print. Raises Quit."""
    if len(line) > LINE_MAX:
        return (f"Line too long: at most {LINE_MAX} characters; nothing was done",)
    typed, _, argument = as_seen(line).strip().partition(" ")
    word = typed.removeprefix("/").lower()  # a slash and capitals are a habit from chats
    if not typed:
        return ()
    if word in ("quit()", "quit"):
        if argument.strip():  # a sentence that was meant for `say` must not stop the server
            return ("Usage: quit()",)
        raise Quit
    if word not in COMMANDS:
        return (_unknown(typed),)
    try:
        return await COMMANDS[word].run(context, argument.strip())
    except ChatError as error:
        return (f"{word}: {error.text}",)
    except JournalError as error:
        return (f"{word}: {error}",)
    except _UsageError as error:
        return (f"Usage: {error}",)


async def _list(context: ConsoleContext, _argument: str) -> Iterable[str]:
    chat = context.chat
    clients, has_nodes = chat.directory.everybody, bool(chat.nodes.name)
    if not clients:
        return ("No clients",)
    head = ("PORT", "ADDRESS", "NICK", "MODE", "IDLE", "LINES", "BEHIND", "AWAY", "ID", *["NODE"][:has_nodes])
    rows = ((*_row(chat, client), *[client.node or chat.nodes.name][:has_nodes]) for client in clients)
    return await _table(chain((head,), rows))


def _row(chat: Chat, client: Client) -> tuple[str, ...]:
    entries, _size = client.behind
    return (
        str(client.port or "-"),
        client.address or "-",
        client.shown if client.nick else "-",
        str(client.mode),
        f"{chat.idle_s(client):.0f}s",
        str(client.lines_in),
        str(entries),
        "-" if (away_s := chat.away_s(client)) is None else f"{away_s:.0f}s",
        client.id,
    )


async def _table(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    """Align the columns of rows, which are made in turns of the loop. -> lines, each made as it is taken"""
    widths: Iterable[int] = repeat(0)
    cleaned = []
    for number, row in enumerate(rows, 1):
        cells = tuple(map(clean, row))  # the printer cleans too; here it keeps the columns aligned
        widths = tuple(map(max, widths, map(text_width, cells)))
        cleaned.append(cells)
        if number % ROWS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return ("  ".join(map(_padded, cells, widths)).rstrip() for cells in cleaned)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - text_width(cell))


async def _kill(context: ConsoleContext, argument: str) -> Iterable[str]:
    port = as_peer(argument).rpartition(":")[2]
    try:
        found = context.chat.directory.find(argument)
    except ChatError:
        found = []
    if not found and not (port and _ASCII_DIGITS.issuperset(port)):
        return ("Usage: kill PORT",)
    is_called = bool(context.chat.directory.called(argument))
    if len(found) > 1 and not is_called:
        return (f"Port {port} is shared; kill one of:", *(client.peer for client in found))
    if not found:
        return ("Unknown port number",)
    context.operator.kick(found[0], by=BY, everywhere=is_called)
    return ()


async def _say(context: ConsoleContext, argument: str) -> Iterable[str]:
    if not argument:
        return ("Usage: say TEXT",)
    await context.operator.say(argument, by=BY)
    return ()


async def _remove(context: ConsoleContext, argument: str) -> Iterable[str]:
    written, _, reason = argument.partition(" ")
    if (entry_id := read_id(written)) is None:
        return ("Usage: remove ID [REASON]",)
    entry = await entry_in_rooms(context.history, entry_id)
    if entry is None:
        return (f"There is no entry {entry_id} in any room",)
    if isinstance(entry, Damaged):
        return (f"Entry {entry_id} is damaged: nobody can read it, and it cannot be removed",)
    await context.operator.remove(entry, by=BY, reason=reason)
    return (f"Removed entry {entry_id} of [{entry.draft.author}] from #{entry.draft.room}",)


async def _ban(context: ConsoleContext, argument: str) -> Iterable[str]:
    target, minutes, reason = _with_terms(argument, "ban NETWORK")
    ban = make_ban(target, reason=reason, by=BY, now=context.operator.clock(), minutes=minutes)
    kicked = await context.operator.ban(ban)
    end = f" until {show_time(ban.until)}" if ban.until is not None else ""
    return (f"Banned {show_network(ban.network)}{end}; {kicked} kicked",)


def _with_terms(argument: str, usage: str) -> tuple[str, int | None, str]:
    """Read the target of a ban or a mute, the minutes if there are any, and the reason. Raises _UsageError."""
    target, _, rest = argument.partition(" ")
    if not target:
        raise _UsageError(f"{usage} [MINUTES] [REASON]")
    rest = rest.strip()
    if (found := _DURATION.match(rest)) and (minutes := _minutes_in(found)) <= _MINUTES_MAX:
        return target, minutes, rest[found.end() :].strip()
    if found or _NUMBER.match(rest):  # a mistyped duration, not the first word of a reason
        bounds = f"where MINUTES is a whole number from 1 to {_MINUTES_MAX}, or a time such as 2h or 7d"
        raise _UsageError(f"{usage} [MINUTES] [REASON], {bounds}")
    return target, None, rest


def _minutes_in(duration: re.Match[str]) -> int:
    unit = 60 if duration["hours"] else 24 * 60 if duration["days"] else 7 * 24 * 60 if duration["weeks"] else 1
    return int(duration["number"]) * unit


async def _unban(context: ConsoleContext, argument: str) -> Iterable[str]:
    if not argument:
        return ("Usage: unban NETWORK",)
    return (f"Unbanned {show_network(context.operator.unban(argument, by=BY).network)}",)


async def _bans(context: ConsoleContext, _argument: str) -> Iterable[str]:
    bans = context.operator.bans.current(context.operator.clock())
    if not bans:
        return ("No bans",)
    return await _table([("BANNED", "SINCE", "UNTIL", "BY", "REASON"), *map(_ban_row, bans)])


def _ban_row(ban: Ban) -> tuple[str, ...]:
    until = "-" if ban.until is None else show_time(ban.until)
    return show_network(ban.network), show_time(ban.since), until, ban.by, ban.reason


async def _mute(context: ConsoleContext, argument: str) -> Iterable[str]:
    who, minutes, reason = _with_terms(argument, "mute WHO")
    network = network_written(who)
    found = [] if network else context.chat.directory.find(who)
    if len(found) > 1 and not context.chat.directory.called(who):
        return (f"{who} is shared; mute one of:", *(client.peer for client in found))
    target = network or next(iter(found), None)
    if target is None:
        return (f"mute: there is no client {excerpt(who)}",)
    until = None if minutes is None else context.operator.clock() + 60 * minutes
    mute = context.operator.mute(await context.operator.draft_mute(target, reason=reason, by=BY, until=until))
    end = f" until {show_time(mute.until)}" if mute.until is not None else ""
    return (f"Muted {mute.who}{end}; unmute {mute.id} lifts that",)


async def _unmute(context: ConsoleContext, argument: str) -> Iterable[str]:
    if not argument:
        return ("Usage: unmute WHO",)
    found = context.operator.mutes.named(argument, context.chat, context.operator.clock())
    if len(found) > 1:
        return (f"{len(found)} mutes are for {argument}; unmute one of:", *(mute.id for mute in found))
    context.operator.unmute(found[0], by=BY)
    return (f"Unmuted {found[0].who}",)


async def _mutes(context: ConsoleContext, _argument: str) -> Iterable[str]:
    mutes = context.operator.mutes.current(context.operator.clock())
    if not mutes:
        return ("No mutes",)
    return await _table([("ID", "MUTED", "ADDRESS", "SINCE", "UNTIL", "BY", "REASON"), *map(_mute_row, mutes)])


def _mute_row(mute: Mute) -> tuple[str, ...]:
    until = "-" if mute.until is None else show_time(mute.until)
    address = show_network(mute.network) if mute.network else "-"
    return mute.id, mute.label or "everybody there", address, show_time(mute.since), until, mute.by, mute.reason


async def _audit(context: ConsoleContext, argument: str) -> Iterable[str]:
    if argument and not _COUNT.fullmatch(argument):
        return ("Usage: audit [N]",)
    await context.operator.records.settled(SETTLED_WITHIN_S)
    records = await context.store.read_audit(int(argument or AUDIT_ROWS))
    if not records:
        return ("No changes yet",)
    return await _table([("TIME", "WHO", "DID", "WHAT"), *map(_audit_row, records)])


def _audit_row(record: AuditRecord) -> tuple[str, ...]:
    return show_time(record.time), record.who, record.action, record.what


async def _reload(context: ConsoleContext, _argument: str) -> Iterable[str]:
    await context.reload()
    return ()


async def _help(_context: ConsoleContext, _argument: str) -> Iterable[str]:
    rows = [(command.usage, command.help) for command in COMMANDS.values()]
    return await _table([*rows, ("quit()", "stop the server")])


COMMANDS = MappingProxyType(
    {
        command.usage.partition(" ")[0]: command
        for command in (
            ConsoleCommand("list", "show who is connected, and who is away and may resume", _list),
            ConsoleCommand("kill PORT", "disconnect a client; also by ADDRESS:PORT, NICK or ID", _kill),
            ConsoleCommand("say TEXT", "send TEXT to everyone as [server]", _say),
            ConsoleCommand("remove ID [REASON]", "remove an entry of a room for everybody, by its id", _remove),
            ConsoleCommand("ban NETWORK [MINUTES] [REASON]", "ban an address or network, and kick its clients", _ban),
            ConsoleCommand("unban NETWORK", "lift a ban", _unban),
            ConsoleCommand("bans", "show who is banned", _bans),
            ConsoleCommand(
                "mute WHO [MINUTES] [REASON]",
                "mute a client, address or network: it reads everything, and can say nothing",
                _mute,
            ),
            ConsoleCommand("unmute WHO", "lift a mute; by its id, too", _unmute),
            ConsoleCommand("mutes", "show who is muted", _mutes),
            ConsoleCommand("audit [N]", "show the last 20 operator actions, or N", _audit),
            ConsoleCommand("reload", "read the settings and their files again", _reload),
            ConsoleCommand("help", "show this help", _help),
        )
    }
)
