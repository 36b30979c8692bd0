"""Keeping records other than entries, as durably as those: with replicas, where any are asked for.

It has a connection of its own, since nothing else is answered on one that waits for replicas.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trio_chat.journal.records import InDoubtError
from trio_chat.journal.redis.connection import Value
from trio_chat.journal.redis.errors import NoAnswerError, NotConnectedError, in_doubt
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.nodes import RedisNodes
from trio_chat.journal.redis.scripts import script


class RecordKeeper:
    """Keeps records, and tells the other nodes to read the table again.

    Where it is not known whether a record was kept, this node reads the table again too.
    """

    def __init__(self, link: RedisLink, nodes: RedisNodes) -> None:
        self._link, self._nodes = link, nodes

    async def keep(self, table: str, script_name: str, *arguments: Value, max_s: float | None = None) -> Any:
        """Execute the script that keeps something in a table, and return its answer.

        `table` is "" for one of which no node has a copy. Raises JournalError, and InDoubtError where it is not known
        whether the record was kept.
        """
        with self._telling(table):
            return await self._link.keep(script(script_name), *arguments, max_s=max_s)

    async def set_fields(self, table: str, values: Mapping[str, bytes]) -> None:
        """Set some fields of a table of which no node has a copy, all or none. Raises JournalError."""
        with self._telling(""):
            await self._link.set_fields(table, values)

    async def delete_field(self, table: str, name: str) -> None:
        """Delete a field of a table, if there is one. Raises JournalError."""
        with self._telling(table):
            await self._link.delete_field(table, name)

    @contextmanager
    def _telling(self, table: str) -> Iterator[None]:
        try:
            yield
        except NotConnectedError:
            raise
        except NoAnswerError as error:
            if table:
                self._nodes.tell_change(table)
                self._nodes.read_again(table)
            raise InDoubtError(in_doubt(error)) from error
        if table:
            self._nodes.tell_change(table)
