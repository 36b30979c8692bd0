"""Session records: who is where is brought to the journal, so that a restart of the server takes nobody's place.

Only a change of a name or of rooms is written, many at once, while nobody waits but who says hello. What cannot be kept
now is tried again with what has changed by then.
"""

import logging
from collections.abc import Iterable, Mapping

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.journal import Journal, JournalError, SessionEnd, SessionRecord, SessionStore, need

RETRY_S = 2.0

logger = logging.getLogger(__name__)


class SessionSaver:
    """The places that have changed and are not written yet. `run` writes; `note` is what the chat calls."""

    def __init__(self, journal: Journal, *, retry_s: float = RETRY_S) -> None:
        self._journal = journal
        self._retry_s = retry_s
        self._changed: dict[str, Client | None] = {}
        self._kept: set[str] = set()
        """Whose place the journal may have."""
        self._news = trio.Event()
        self._written = trio.Event()
        """What has changed since the last write began is written."""
        self._in_flight = trio.Event()
        self._in_flight.set()
        self._is_ill = False

    @property
    def waiting(self) -> int:
        """How many changes are not written."""
        return len(self._changed)

    def note(self, client: Client, is_here: bool) -> None:
        """A client's name or rooms have changed, or it is gone."""
        owner = _owner(client)
        if is_here or owner in self._kept:
            self._changed[owner] = client if is_here else None
        else:  # it came and went while nothing could be kept: there is nothing to take back
            self._changed.pop(owner, None)
        self._news.set()

    def know(self, owners: Iterable[str]) -> None:
        """The journal has the places of these, of before the start."""
        self._kept.update(owners)

    def forget(self, owners: Iterable[str]) -> None:
        """These of before the start are gone. No start waits for that, nor fails where nothing can be kept."""
        self._changed.update(dict.fromkeys(owners))
        self._news.set()

    async def settled(self) -> None:
        """Return when what has been noted up to now is written; at once where the journal keeps nothing."""
        if not self._is_ill:
            await (self._written if self._changed else self._in_flight).wait()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            changed, self._changed = self._changed, {}
            self._in_flight, self._written = self._written, trio.Event()
            is_well = await self._write(changed)
            self._in_flight.set()
            if not is_well:
                self._changed = changed | self._changed
                await trio.sleep(self._retry_s)
                self._news.set()

    async def _write(self, changed: Mapping[str, Client | None]) -> bool:
        """-> whether it is kept. A journal that is known to be ill is not asked."""
        taken = [_record(client) for client in changed.values() if client]
        left = [owner for owner, client in changed.items() if not client]
        why = self._journal.fault
        if not why:
            self._kept.update(place.owner for place in taken)
            try:
                await self._journal.post(sessions=[*map(SessionEnd, left), *taken]).kept()
                self._kept.difference_update(left)
            except JournalError as error:
                why = str(error)
        if why and not self._is_ill:
            logger.warning("a restart would not know who is here now: %s", why)
        self._is_ill = bool(why)
        return not why


async def restore_sessions(chat: Chat, journal: Journal, places: SessionSaver) -> None:
    """Give clients of before the start their places back, or tell that they are gone. Raises JournalError."""
    found = await need(journal, SessionStore).read_sessions()
    places.know(place.owner for place in found)
    for place in found:
        try:
            if place.mode == Mode.FRAMES:
                chat.restore(place.owner, place.nick, place.label, place.rooms)
            else:
                chat.announce_departure(place.label, place.rooms)
        except ChatError as error:
            logger.warning("the place of [%s] is lost: %s", place.label, error.text)
    places.forget(place.owner for place in found if place.mode != Mode.FRAMES)


def _owner(client: Client) -> str:
    return client.session or client.id


def _record(client: Client) -> SessionRecord:
    return SessionRecord(
        _owner(client), client.mode, client.label, client.nick or "", tuple(room.name for room in client.members)
    )
