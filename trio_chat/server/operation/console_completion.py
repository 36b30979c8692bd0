"""Completion on the console: commands, the ports, nicks and addresses of clients, and banned networks, and mutes."""

from collections import Counter
from collections.abc import Iterable, Sequence

from trio_chat.chat.client import Client
from trio_chat.chat.operators.mutes import Mute
from trio_chat.chat.operators.networks import show_network
from trio_chat.chat.text import clean
from trio_chat.server.operation.console import COMMANDS, ConsoleContext
from trio_chat.server.operation.line_editor import CompletedWord

_ADDRESS = frozenset(".:")
"""Characters that only an address has."""


def complete(context: ConsoleContext, before: str) -> Sequence[CompletedWord]:
    """Return the completions of the last word of `before`, the text left of the cursor."""
    first, _, typed = before.rpartition(" ")
    first = first.strip()
    if not first:
        return _beginning((*COMMANDS, "quit()"), typed)
    clients = tuple(context.chat.clients)
    match first:
        case "kill":
            return _clients(clients, typed)
        case "ban":
            return _addresses(clients, typed)
        case "mute":
            return _addresses(clients, typed) if _ADDRESS.intersection(typed) else _clients(clients, typed)
        case "unmute":
            mutes = context.operator.mutes.current(context.operator.clock())
            return [CompletedWord(mute.id, clean(mute.who)) for mute in mutes if _is_named(mute, typed)]
        case "unban":
            bans = context.operator.bans.current(context.operator.clock())
            return _beginning((show_network(ban.network) for ban in bans), typed)
    if first.partition(" ")[0] == "say" and typed:
        return _beginning((client.nick for client in clients), typed)
    return ()


def _beginning(words: Iterable[str | None], typed: str) -> Sequence[CompletedWord]:
    return [
        CompletedWord(word)
        for word in sorted(map(clean, filter(None, words)))
        if word.lower().startswith(typed.lower())
    ]


def _clients(clients: Sequence[Client], typed: str) -> Sequence[CompletedWord]:
    """Complete the beginning of a port, an address or a nick to the port, with the address where two share it."""
    counts = Counter(client.port for client in clients)
    return [
        CompletedWord(clean(client.peer if counts[client.port] > 1 else str(client.port)), _label(client))
        for client in clients
        if _matches(client, typed)
    ]


def _addresses(clients: Sequence[Client], typed: str) -> Sequence[CompletedWord]:
    found: dict[str, list[str]] = {}
    for client in clients:
        if _matches(client, typed):
            found.setdefault(clean(client.address), []).append(clean(client.nick or ""))
    return [CompletedWord(address, ", ".join(filter(None, nicks))) for address, nicks in sorted(found.items())]


def _matches(client: Client, typed: str) -> bool:
    begin = typed.lower()
    return any(name.startswith(begin) for name in (str(client.port), client.peer, (client.nick or "").lower()) if name)


def _is_named(mute: Mute, typed: str) -> bool:
    return any(name.lower().startswith(typed.lower()) for name in (mute.id, mute.who, mute.label) if name)


def _label(client: Client) -> str:
    return clean(f"{client.address} {client.nick or ''}").rstrip()
