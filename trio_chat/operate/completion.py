"""Shell completion of clients, rooms, addresses, bans, mutes and hooks, which a running server is asked for.

Without a server, or one that answers in time, there are no completions and no messages.
"""

import re
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from trio_chat.operate.api import AdminApi
from trio_chat.operate.options import api_for_completion

TIMEOUT_S = 1.0

_PLAIN = re.compile(r"[\w.:/+][\w.:/+-]*")
"""Words that no shell takes for anything else. Names have no other characters, unless a server is hostile."""

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Found = list[tuple[str, str]]


def _completing(find: Callable[[AdminApi, str], Found]) -> Complete:
    """Make a completion of a function that finds words, each with its explanation."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = find(api_for_completion(context, TIMEOUT_S), incomplete)
        except Exception:  # whatever it is, a message would spoil the line that somebody is typing
            return []
        return [
            CompletionItem(word, help=" ".join(text.split()))
            for word, text in found
            if word.casefold().startswith(incomplete.casefold()) and _PLAIN.fullmatch(word)
        ]

    return complete


def _clients(api: AdminApi, incomplete: str) -> Found:
    query = {"limit": 500, "sort": "nick", "search": incomplete or None}
    clients = api.get("/clients", query)["clients"]
    nicks = [(client["nick"], f"{client['address']}:{client['port']}") for client in clients if client["nick"]]
    ports = [(str(client["port"]), f"[{client['label']}] {client['address']}") for client in clients if client["port"]]
    return nicks + ports


def _nicks(api: AdminApi, incomplete: str) -> Found:
    clients = api.get("/clients", {"limit": 500, "sort": "nick", "nick": incomplete or None})["clients"]
    return [(client["nick"], client["address"]) for client in clients if client["nick"]]


def _rooms(api: AdminApi, incomplete: str) -> Found:
    rooms = api.get("/rooms", {"limit": 500, "sort": "-members", "search": incomplete or None})["rooms"]
    return [(room["name"], f"{room['members']} here {room['topic']}") for room in rooms]


def _bans(api: AdminApi, _incomplete: str) -> Found:
    return [(ban["network"], ban["reason"]) for ban in api.get("/bans", {"limit": 500})["bans"]]


def _mutes(api: AdminApi, _incomplete: str) -> Found:
    return [(mute["id"], mute["label"] or mute["network"]) for mute in api.get("/mutes", {"limit": 500})["mutes"]]


def _hooks(api: AdminApi, _incomplete: str) -> Found:
    return [(hook["name"], f"#{hook['room']}") for hook in api.get("/hooks")["hooks"]]


def _addresses(api: AdminApi, incomplete: str) -> Found:
    clients = api.get("/clients", {"limit": 500, "search": incomplete or None})["clients"]
    labels: dict[str, list[str]] = {}
    for client in clients:
        if client["address"]:
            labels.setdefault(client["address"], []).append(client["label"])
    return [(address, ", ".join(names)) for address, names in labels.items()]


complete_client = _completing(_clients)
complete_nick = _completing(_nicks)
complete_room = _completing(_rooms)
complete_ban = _completing(_bans)
complete_mute = _completing(_mutes)
complete_hook = _completing(_hooks)
complete_address = _completing(_addresses)
