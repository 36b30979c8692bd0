"""The table of commands for operators. A command is a row here and a function in `operate/commands/`."""

from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

import click


class CommandRow(NamedTuple):
    """The file of a command in `operate/commands/`, and its line in the help. It is imported when it is called."""

    file: str
    help: str


OPERATOR_COMMANDS = MappingProxyType(
    {
        "status": CommandRow("status", "Show health, numbers and traffic at a glance."),
        "clients": CommandRow("clients", "List the clients, or show one."),
        "kick": CommandRow("clients", "Kick a client, or all whom a filter fits."),
        "ban": CommandRow("bans", "Ban an address or a network."),
        "unban": CommandRow("bans", "Lift a ban."),
        "bans": CommandRow("bans", "List the bans."),
        "mute": CommandRow("mutes", "Mute a client or a network: they hear, and say nothing."),
        "unmute": CommandRow("mutes", "Lift a mute."),
        "mutes": CommandRow("mutes", "List the mutes."),
        "rooms": CommandRow("rooms", "List the rooms."),
        "topic": CommandRow("rooms", "Show, set or clear the topic of a room."),
        "say": CommandRow("rooms", "Say something in a room."),
        "announce": CommandRow("announcements", "Speak as the server to all, a room, or some."),
        "remove": CommandRow("removal", "Remove an entry of a room for everybody."),
        "tail": CommandRow("tail", "Show what is said in a room, live."),
        "events": CommandRow("events", "Show what happens on the server, live."),
        "hook": CommandRow("hooks", "Let programs speak by webhooks."),
        "names": CommandRow("names", "List, hand out, reset and free names."),
        "invite": CommandRow("invites", "Make an invite to send to a colleague."),
        "invites": CommandRow("invites", "List the invites."),
        "uninvite": CommandRow("invites", "Withdraw an invite."),
        "audit": CommandRow("audit", "List what operators did."),
    }
)


def load_command(name: str) -> click.Command:
    """Import a command of the table."""
    row = OPERATOR_COMMANDS[name]
    command: click.Command = getattr(import_module(f"trio_chat.operate.commands.{row.file}"), name)
    return command
