"""Searches of clients: one at a time for each client and each address, ended when nobody waits for the answer."""

from collections.abc import Hashable, Sequence
from weakref import WeakValueDictionary

import trio

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.journal import Journal, Past, Searchable, SearchError, need
from trio_chat.server.transport.admission import SHARED_ADDRESS, Admission
from trio_chat.server.transport.outlet import PeerOutlet

WATCH_EVERY_S = 0.1
"""Between two checks whether a client that waits for an answer is still connected: nobody reads from it meanwhile."""


class Searches:
    """The searches that are waiting or running. The journal bounds how many run in all, and how long each takes."""

    def __init__(self, journal: Journal, admission: Admission) -> None:
        self._journal = journal
        self._admission = admission
        self._turns: WeakValueDictionary[Hashable, trio.Lock] = WeakValueDictionary()

    async def run(
        self,
        client: Client,
        outlet: PeerOutlet,
        rooms: Sequence[str],
        words: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        author: str = "",
    ) -> Sequence[Past]:
        """Search for a client, as `Searchable.search` does, when it is its turn.

        Raises ChatError for a search of too much, trio.BrokenResourceError where the connection broke meanwhile, and
        JournalError.
        """
        journal = need(self._journal, Searchable)
        asker = self._asker(client)
        turn = self._turns.setdefault(asker, trio.Lock())
        found: Sequence[Past] | None = None
        error: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_dead, outlet, nursery.cancel_scope)
            try:
                async with turn:
                    found = await journal.search(
                        rooms, words, limit=limit, before=before, after=after, author=author, asker=asker
                    )
            except SearchError as refusal:
                error = ChatError("too-much", str(refusal))
            except Exception as fault:  # raised below: a nursery would wrap it
                error = fault
            nursery.cancel_scope.cancel()
        if error:
            raise error
        if found is None:
            raise trio.BrokenResourceError("the connection broke during a search")
        return found

    @property
    def is_incomplete(self) -> bool:
        """True while older entries are being indexed, which searches do not find until then."""
        return need(self._journal, Searchable).is_indexing

    def _asker(self, client: Client) -> Hashable:
        """Return the address that takes turns, or the client where many may share its address."""
        origin = self._admission.origin_of(client.address)
        return client.id if origin == SHARED_ADDRESS else origin


async def _cancel_when_dead(outlet: PeerOutlet, scope: trio.CancelScope) -> None:
    while not outlet.is_dead:  # noqa: ASYNC110  # the system reports it to nobody who does not read
        await trio.sleep(WATCH_EVERY_S)
    scope.cancel()
