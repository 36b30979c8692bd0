"""Import of the entries of another journal: they are staged in a list, and kept by one script."""

import secrets
from collections.abc import Iterable, Sequence
from itertools import islice

import trio

from trio_chat.chat.events import Entry
from trio_chat.chat.removal import target_of, tombstone_for
from trio_chat.journal.records import JournalError, Origin
from trio_chat.journal.redis.appending import Argument
from trio_chat.journal.redis.log_reader import LogReader
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.reader import RedisReader
from trio_chat.journal.redis.record_keeper import RecordKeeper
from trio_chat.journal.redis.replies import read_whole
from trio_chat.journal.redis.rows import class_of, digest_of, to_micros, to_payload
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.renumbering import Renumbering

STAGED_AT_ONCE = 1000
"""Entries sent to Redis by one command."""

LOAD_MAX_S = 600.0
"""The script that keeps what was staged takes 17 s for a million entries."""


class _Import:
    """The entries of one import by their new ids, and the entries here that they remove."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.keyed: dict[bytes, int] = {}
        self.removed: dict[int, Entry] = {}
        self.loaded_to = 0
        self.new_ids = Renumbering()

    def add(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        if digest := digest_of(entry.draft.session, entry.draft.key):
            self.keyed[digest] = entry.id


class RedisLoading(RedisReader):
    """The part of a journal that imports entries."""

    _log: LogReader
    _node: Node
    _records: RecordKeeper

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Append the entries of another journal, all or none. Returns the number of new ones."""
        everything = await trio.to_thread.run_sync(lambda: list(entries))  # first: what it raises must change nothing
        was_empty, keeps_ids = self.last_id == 0, self.last_id == 0 or origin.epoch == self.epoch
        mark = f"loaded {origin.epoch}"
        made = _Import()
        made.loaded_to = (
            self.last_id
            if keeps_ids
            else read_whole(await self._reads.get_field("meta", mark), "the mark of an import in meta")
        )
        for start in range(0, len(everything), STAGED_AT_ONCE):
            await self._collect(made, everything[start : start + STAGED_AT_ONCE], keeps_ids=keeps_ids)
        last_id = max(made.entries, default=self.last_id)
        await self._commit(made, mark, last_id, origin if was_empty else None)
        if was_empty:
            self.epoch, self.pruned_to = origin.epoch, origin.pruned_to
        self.last_id = self._log.read_to = last_id
        self.readable_to = max(self.readable_to, last_id)
        return len(made.entries)

    async def _collect(self, made: _Import, entries: Sequence[Entry], *, keeps_ids: bool) -> None:
        """Give entries their ids, leave out repeats, and put tombstones in the places of removed ones."""
        digests = [digest for it in entries if (digest := digest_of(it.draft.session, it.draft.key))]
        here = await self._kept_under(digests)
        for entry in entries:
            if entry.id <= made.loaded_to:
                continue
            made.loaded_to = entry.id
            next_id = max(self.last_id, max(islice(reversed(made.entries), 1), default=0)) + 1
            one = entry if keeps_ids else made.new_ids.renumber(entry, next_id)
            digest = digest_of(one.draft.session, one.draft.key)
            known = made.keyed.get(digest) or here.get(digest) if digest else None
            made.new_ids.add(entry.id, known or one.id)
            if not known:
                made.add(one)
                await self._remove(made, one)

    async def _kept_under(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the ids of the entries here that were kept under these digests."""
        if not digests:
            return {}
        rows = await self._reads.call(script("find"), *digests)
        return {digest: row[0] for digest, row in zip(digests, rows, strict=True) if row}

    async def _remove(self, made: _Import, notice: Entry) -> None:
        """Make the tombstone of the entry that a notice names, if it is one."""
        if not (target := target_of(notice.draft)):
            return
        entry = made.entries.get(target) or made.removed.get(target) or (await self.entries([target])).get(target)
        if tombstone := tombstone_for(notice.draft, entry):
            place = made.entries if target in made.entries else made.removed
            place[target] = tombstone

    async def _commit(self, made: _Import, mark: str, last_id: int, origin: Origin | None) -> None:
        staged = f"load:{secrets.token_hex(8)}"
        try:
            everything = iter(made.entries.values())
            while some := list(islice(everything, STAGED_AT_ONCE)):
                await self._reads.append_to_list(staged, [word for entry in some for word in _words(entry)])
            epoch, pruned_to = (origin.epoch, origin.pruned_to) if origin else ("", 0)
            removed = [word for it in made.removed.values() for word in (it.id, it.draft.room, to_payload(it.draft))]
            head: list[Argument] = [
                staged,
                self.last_id,
                epoch,
                pruned_to,
                mark,
                made.loaded_to,
                last_id,
                self._node.name,
            ]
            answer = await self._records.keep("", "load", *head, *removed, max_s=LOAD_MAX_S)
        except JournalError:
            with trio.move_on_after(1, shield=True):
                await self._reads.delete(staged)
            raise
        if answer.startswith(b"shared "):
            node = answer.decode(errors="replace").removeprefix("shared ")
            raise JournalError(f"the node {node} uses the chat: stop all servers before an import")
        if answer != b"ok":
            raise JournalError("the journal was changed meanwhile: nothing was imported; try again")


def _words(entry: Entry) -> tuple[Argument, ...]:
    draft = entry.draft
    micros, digest = to_micros(entry.time), digest_of(draft.session, draft.key)
    return entry.id, micros, draft.room, class_of(draft), digest, to_payload(draft)
