"""Nodes: the servers of one chat. A chat need not know how many there are: it asks `Nodes`.

Two classes implement it: `Alone`, below, for a server that has its journal for itself, and that of a journal which
several servers share.
"""

import itertools
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from trio_chat.chat.client import Client
from trio_chat.chat.events import Kind
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.remote_clients import RemoteClient, RemoteClients
from trio_chat.chat.session_record import SessionRecord


class NodeDelegate(Protocol):
    """The actions of a node that other nodes ask for, or that are due when one of them is gone."""

    def end_client(self, client: str, notice: Kind, reason: CloseReason, text: str) -> None:
        """End the client with this id, if it is here."""

    def hand_over(self, session: str) -> None:
        """Abandon the client with this session: another node has it."""

    def note_arrival(self, account: str) -> None:
        """Note that a member has come to another node, which shows them the messages that waited."""

    async def adopt(self, records: Sequence[SessionRecord]) -> None:
        """Hold the places of clients of a node that is gone, and announce that the others have left."""

    async def abandon_all(self) -> None:
        """Abandon all clients: this node was thought to be gone, and others have them."""

    async def tell_loss(self) -> None:
        """Tell all clients here that entries which they have seen may be lost."""

    async def restore_rest(self) -> None:
        """Hold the clients that no other node has taken over yet."""

    def reread(self, table: str) -> None:
        """Take over soon what another node has changed in a table of the journal, or in all for ""."""


@runtime_checkable
class Nodes(Protocol):
    """The servers of one chat, as one of them sees them. Only the last four methods wait."""

    name: str
    """The name of this one; "" where it is alone."""

    clients: RemoteClients
    """The clients of the others."""

    def attach(self, delegate: NodeDelegate) -> None:
        """Let a delegate carry out what other nodes ask for, from now on."""

    def new_client_id(self) -> str:
        """Return an id that no client of any node has had: `c` and digits."""

    def has_issued(self, client_id: str) -> bool:
        """Tell whether the client with an id is, or was, one of this node; True for "", which is not known."""

    def publish(self, client: Client) -> None:
        """Let the other nodes know soon how a client of this one is now."""

    def withdraw(self, client: Client) -> None:
        """Let the other nodes know soon that a client of this one is gone."""

    def announce_arrival(self, account: str) -> None:
        """Let the other nodes know soon that a member has come here, even one who is gone again by then."""

    def end(self, client: RemoteClient, notice: Kind, reason: CloseReason, text: str) -> None:
        """Have the node of a client end it, as `Chat.end` does."""

    async def claim_nick(self, owner: str, nick: str) -> bool:
        """Claim a well-formed nick for a client, or for the owner of its record. -> False where another node has it

        The former one is free once the client's next record is kept. Raises JournalError.
        """

    async def release_nick(self, owner: str, nick: str) -> None:
        """Give up a nick that was claimed and is not used. Raises JournalError."""

    async def take_session(self, session: str) -> SessionRecord | None:
        """Take over a session that another node has; it ends there without a notice. -> None where none has it

        While that cannot be known, it waits.
        """

    async def catch_up(self, entry_id: int) -> None:
        """Return when this node has read the entry with an id, which a client has seen; or where there is none.

        While that cannot be known, it waits.
        """


class Alone:
    """The nodes of a chat with one server."""

    def __init__(self) -> None:
        self.name = ""
        self.clients = RemoteClients()
        self._numbers = itertools.count(1)

    def attach(self, delegate: NodeDelegate) -> None:
        """Do nothing: there is nobody to ask for anything."""

    def new_client_id(self) -> str:
        """Return an id that no client of this server has had."""
        return f"c{next(self._numbers)}"

    def has_issued(self, client_id: str) -> bool:
        """Return True: there are no others."""
        return True

    def publish(self, client: Client) -> None:
        """Do nothing: there is nobody to know."""

    def withdraw(self, client: Client) -> None:
        """Do nothing: there is nobody to know."""

    def announce_arrival(self, account: str) -> None:
        """Do nothing: there is nobody to know."""

    def end(self, client: RemoteClient, notice: Kind, reason: CloseReason, text: str) -> None:
        """Do nothing: there are no such clients."""

    async def claim_nick(self, owner: str, nick: str) -> bool:
        """Return True: the chat knows all nicks."""
        return True

    async def release_nick(self, owner: str, nick: str) -> None:
        """Do nothing."""

    async def take_session(self, session: str) -> SessionRecord | None:
        """Return None: the chat knows all sessions."""
        return None

    async def catch_up(self, entry_id: int) -> None:
        """Do nothing: the chat knows all entries that were seen."""
