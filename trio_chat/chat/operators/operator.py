"""The actions of operators, each recorded in the audit log. The console and HTTP both call them.

`by` names the operator, as the audit and `bans` show it: `console`, or `http` and the address.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.drafts import readable_lines
from trio_chat.chat.events import Draft, Entry, Receipt
from trio_chat.chat.nicks import check_nick, check_room
from trio_chat.chat.operators.announcements import (
    check_copies,
    copies_for_everybody,
    everywhere,
    in_rooms,
    to_clients,
)
from trio_chat.chat.operators.bans import Ban, Bans, BanStore, kick_banned
from trio_chat.chat.operators.hooks import Hook, Hooks, digest_of
from trio_chat.chat.operators.kicks import kick_in_steps
from trio_chat.chat.operators.mutes import (
    Mute,
    Mutes,
    MuteStore,
    collect_clients,
    home_of,
    mute_of_client,
    mute_of_network,
)
from trio_chat.chat.operators.networks import Network, show_network
from trio_chat.chat.operators.removals import check_removable, removed_before
from trio_chat.chat.operators.restrictions import read_reason, terms
from trio_chat.chat.removal import REASON_MAX, Removal
from trio_chat.chat.room import Room
from trio_chat.chat.text import clean

SETTLED_WITHIN_S = 1.0
"""Time for which a reader of the audit waits for the newest records to be in it."""


class Records(BanStore, MuteStore, Protocol):
    """The audit log, the bans and the mutes, as they are written. Only `settled` waits."""

    def record(self, who: str, action: str, what: str) -> None:
        """Add a record: `who` did `action` to `what`."""

    async def settled(self, timeout_s: float) -> bool:
        """Wait until all of it is on disk, for `timeout_s` at most. -> whether it is"""


@dataclass(frozen=True, slots=True)
class Operator:
    """The actions of operators on a running chat. `clock` gives seconds since 1970.

    `finish` takes all steps of long work, a turn of the loop for each, even where whoever asked has gone, and returns
    what the last one yields.
    """

    chat: Chat
    bans: Bans
    mutes: Mutes
    records: Records
    clock: Callable[[], float]
    finish: Callable[[Iterator[int]], Awaitable[int]]
    hooks: Hooks

    def kick(self, client: Client, *, by: str, reason: str = "", everywhere: bool = False) -> None:
        """End a client's connection, or all places of its account; it is told the reason.

        Raises ChatError for one that is gone.
        """
        reason = clean(reason).strip()
        kicked = self.chat.kick(client, _sentence(reason), everywhere=everywhere)
        what = _name(client) + (f" in {len(kicked)} places" if len(kicked) > 1 else "")
        self.records.record(by, "kick", f"{what}: {reason}" if reason else what)

    async def kick_many(self, clients: Sequence[Client], *, by: str, what: str, reason: str = "") -> set[str]:
        """End many connections, for which there is one record: `what`. -> the ids of those who were still there"""
        reason, kicked = clean(reason).strip(), set[str]()
        await self.finish(self._kick_many(clients, kicked, by=by, what=what, reason=reason))
        return kicked

    def _kick_many(
        self, clients: Sequence[Client], kicked: set[str], *, by: str, what: str, reason: str
    ) -> Iterator[int]:
        yield from kick_in_steps(self.chat, clients, _sentence(reason), kicked=kicked, is_meant=lambda client: True)
        self.records.record(by, "kick-many", f"{what} ({len(kicked)} kicked){f': {reason}' if reason else ''}")

    async def say(self, text: str, *, by: str) -> None:
        """Let the server speak to everyone. Nothing is said where nothing readable is left; raises ChatError."""
        if lines := readable_lines([text.strip()]):
            await self.finish(everywhere(self.chat, lines, []))
        self.records.record(by, "say", f"{len(text)} characters")  # what is said is in the history, not in the audit

    async def announce(self, lines: Sequence[str], *, by: str) -> list[Receipt]:
        """Announce clean lines to everybody. Raises ChatError where these would be too much for the journal."""
        check_copies(lines, copies_for_everybody(self.chat))
        receipts: list[Receipt] = []
        await self.finish(self._recorded(everywhere(self.chat, lines, receipts), "everybody", lines, by))
        return receipts

    async def announce_in(self, room: Room, lines: Sequence[str], *, by: str) -> list[Receipt]:
        """Announce clean lines in a room."""
        receipts: list[Receipt] = []
        await self.finish(self._recorded(in_rooms(self.chat, [room.name], lines, receipts), f"#{room.name}", lines, by))
        return receipts

    async def announce_to(
        self, clients: Sequence[Client], lines: Sequence[str], *, by: str, what: str
    ) -> list[Receipt]:
        """Announce clean lines to some clients alone, for which there is one record: `what`.

        Raises ChatError where these would be too much for the journal.
        """
        check_copies(lines, len(clients))
        receipts: list[Receipt] = []
        steps, count = to_clients(self.chat, clients, lines, receipts), len(clients)
        await self.finish(self._recorded(steps, f"{count} client{'s' * (count != 1)}, {what}", lines, by))
        return receipts

    def _recorded(self, steps: Iterator[int], whom: str, lines: Sequence[str], by: str) -> Iterator[int]:
        """Record an announcement, then make it: to whom, and how long, but not its words."""
        self.records.record(by, "announce", f"{sum(map(len, lines))} characters to {whom}")
        yield from steps

    def say_in(self, room: Room, author: str, *texts: str, by: str, session: str = "", key: str = "") -> Receipt | None:
        """Let the server, or a program under a name of its own, speak in a room. Raises ChatError.

        -> None where nothing readable is left
        """
        receipt = self.chat.speak_as(author, room, *texts, session=session, key=key)
        size = sum(map(len, texts))
        self.records.record(by, "say", f"{size} characters in #{room.name} as {author}")
        return receipt

    async def remove(self, entry: Entry, *, by: str, reason: str = "") -> None:
        """Remove an entry; everybody in its room is told the reason. Returns once its words are gone from the history.

        Raises ChatError for one that cannot be removed or is removed already, and JournalError.
        """
        check_removable(entry)
        reason = clean(reason).strip()[:REASON_MAX]
        removal = self.chat.remove(entry, reason=reason)
        await self.finish(self._record_removal(removal, entry.draft, by=by, reason=reason))
        await removal.receipt.kept()
        if removal.is_repeat:
            raise removed_before(entry.id)

    def _record_removal(self, removal: Removal, draft: Draft, *, by: str, reason: str) -> Iterator[int]:
        """Record a removal once it is durable, and never what was removed."""
        while not removal.receipt.is_settled:
            yield 0
        if removal.receipt.error is None and not removal.is_repeat:
            what = f"entry {removal.notice.to} of #{draft.room} by {draft.author}"
            self.records.record(by, "remove", f"{what}: {reason}" if reason else what)

    def set_topic(self, room: Room, text: str, *, by: str) -> Receipt:
        """Set the topic of a room. Raises ChatError where it is too long."""
        receipt = self.chat.set_topic_as_server(room, text)
        self.records.record(by, "topic", f"#{room.name}")  # the topic itself is in the history
        return receipt

    async def ban(self, ban: Ban) -> int:
        """Ban a network, at once, and kick everyone who is connected from there. -> the number kicked

        Raises ChatError.
        """
        self.bans.add(ban)
        return await self.finish(self._kick_banned(ban))

    def _kick_banned(self, ban: Ban) -> Iterator[int]:
        """Kick those from a banned network, then record the ban. -> the number so far, in each step"""
        kicked = 0
        for kicked in kick_banned(self.chat, ban):
            yield kicked
        end, reason = terms("", ban.until), terms(ban.reason, None)
        self.records.record(ban.by, "ban", f"{show_network(ban.network)}{end} ({kicked} kicked){reason}")

    def add_hook(self, name: str, room: str, secret: str, *, by: str) -> Hook:
        """Let a program speak in a room, by a secret, under a name of its own. Raises ChatError."""
        hook = Hook(check_nick(name), check_room(room), digest_of(secret), by, self.clock())
        self.hooks.add(hook)
        self.records.record(by, "hook", f"{hook.name} in #{hook.room}")
        return hook

    def remove_hook(self, name: str, *, by: str) -> Hook:
        """Let a program speak no more. Raises ChatError where there is no such hook."""
        hook = self.hooks.remove(name)
        self.records.record(by, "unhook", f"{hook.name} in #{hook.room}")
        return hook

    def unban(self, target: str, *, by: str) -> Ban:
        """Lift the ban of exactly this address or network. Raises ChatError where there is none."""
        ban = self.bans.remove(self.bans.named(target, self.clock()).network)
        self.records.record(by, "unban", show_network(ban.network))
        return ban

    def change_ban(self, ban: Ban, *, by: str) -> None:
        """Change the end or the reason of the ban of this network, which there is."""
        self.bans.change(ban)
        self.records.record(by, "change-ban", f"{show_network(ban.network)}{_shown_terms(ban.reason, ban.until)}")

    async def clients_in(self, network: Network) -> list[Client]:
        """Return all clients from a network, those that are away too."""
        found: list[Client] = []
        await self.finish(collect_clients(self.chat, network, found))
        return found

    async def draft_mute(
        self, target: Client | Network, *, reason: str = "", by: str, until: float | None = None
    ) -> Mute:
        """Make the mute of a client or a network, which takes no effect yet. Raises ChatError for a long reason."""
        reason, now = read_reason(reason), self.clock()
        if not isinstance(target, Client):
            return mute_of_network(target, reason=reason, by=by, now=now, until=until)
        home = home_of(target)
        neighbours = await self.clients_in(home) if home else ()
        return mute_of_client(target, neighbours, reason=reason, by=by, now=now, until=until)

    def mute(self, drafted: Mute) -> Mute:
        """Let a mute take effect. -> the mute with its id. Raises ChatError where there are too many."""
        mute = self.mutes.add(drafted)
        self.records.record(mute.by, "mute", f"{_target(mute)}{terms(mute.reason, mute.until)}")
        return mute

    def change_mute(self, mute: Mute, *, by: str) -> None:
        """Change the end or the reason of a mute, which there is."""
        self.mutes.change(mute)
        self.records.record(by, "change-mute", f"{_target(mute)}{_shown_terms(mute.reason, mute.until)}")

    def unmute(self, mute: Mute, *, by: str) -> None:
        """Lift a mute. Raises ChatError where it is lifted already."""
        self.mutes.remove(mute)
        self.records.record(by, "unmute", _target(mute))

    def note(self, action: str, what: str, *, by: str) -> None:
        """Record an action that was done elsewhere, such as a reload."""
        self.records.record(by, action, what)


def _sentence(reason: str) -> str:
    return f"you were kicked: {reason}" if reason else ""


def _shown_terms(reason: str, until: float | None) -> str:
    return ("" if until is not None else " for good") + terms(reason, until)


def _target(mute: Mute) -> str:
    """Name whom a mute silences: the label and address of a client, or a network."""
    address = f" of {show_network(mute.network)}" if mute.label and mute.network else ""
    return f"{mute.id} {mute.who}{address}"


def _name(client: Client) -> str:
    return f"{client.peer} ({client.nick})" if client.nick else client.peer
