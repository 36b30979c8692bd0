"""Export and import: a journal's history to lines and back."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, TypeVar

import click
import trio
from msgspec.structs import replace

from trio_chat.backup.files import BackupError, name_of, reading, writing
from trio_chat.backup.ndjson import FormatError, Header, decode_entry, decode_header, encode_entry, encode_header
from trio_chat.chat.events import Entry
from trio_chat.chat.text import clean
from trio_chat.config import ServeSettings
from trio_chat.journal import (
    HistoryReader,
    Importable,
    JournalError,
    Origin,
    check_outlasts_server,
    need,
    open_history,
    open_journal,
)

PAGE = 1000
LINE_MAX_BYTES = 1024 * 1024
"""Forty times the longest entry there can be."""

STEPS_PER_UPDATE = 5000
"""Entries between two looks at the progress bar: some ten a second."""

Reach = Callable[[int], None]
"""What is told how far it has come, by the id of an entry."""

PARTLY_STATUS = 3
"""Exit status of an export that lacks what is damaged: it did what could be done, and still is not whole."""

T = TypeVar("T")


class TransferResult(NamedTuple):
    """What was done, and what is missing from it, as sentences."""

    text: str
    missing: str | None = None


def export_history(settings: ServeSettings, place: str) -> int:
    """Write all that a journal keeps, also while a server has it. -> exit status; what was done is said on stderr.

    What is damaged is left out and named; the status is PARTLY_STATUS then.
    """
    return _run(_export, settings, place)


def import_history(settings: ServeSettings, place: str) -> int:
    """Keep all that is in a file, or nothing if it is not in order. -> exit status; what was done is said on stderr."""
    return _run(_import, settings, place)


def _run(
    transfer: Callable[[ServeSettings, str], Awaitable[TransferResult]], settings: ServeSettings, place: str
) -> int:
    try:
        done = trio.run(transfer, settings, place)
    except (BackupError, JournalError) as error:
        print(f"trio-chat: {error}", file=sys.stderr)
        return 1
    print(done.text, file=sys.stderr)
    if done.missing:
        print(f"trio-chat: {done.missing}", file=sys.stderr)
        return PARTLY_STATUS
    return 0


async def _export(settings: ServeSettings, place: str) -> TransferResult:
    count = damaged = seen = 0
    async with open_history(settings.journal, data=settings.data) as history:
        header = Header(epoch=history.epoch, pruned_to=history.pruned_to, last_id=await _last_whole(history))
        with writing(place) as file, _progress(header) as reach:
            file.write(encode_header(header))
            while past := await history.read(None, after=seen, before=history.last_id + 1, limit=PAGE):
                entries = [it for it in past if isinstance(it, Entry)]
                file.write(b"".join(map(encode_entry, entries)))
                count, damaged, seen = count + len(entries), damaged + len(past) - len(entries), past[-1].id
                reach(seen)
        lack = f"{_counted(damaged)} could not be exported: {history.damage}" if damaged else None
    return TransferResult(f"exported {_counted(count)}", lack)


async def _last_whole(history: HistoryReader) -> int:
    """-> the id of the last entry that is not damaged: the one that shows an import that the file is whole"""
    before = history.last_id + 1
    while past := await history.read(None, before=before, limit=PAGE):
        for it in reversed(past):
            if isinstance(it, Entry):
                return it.id
        before = past[0].id
    return 0


async def _import(settings: ServeSettings, place: str) -> TransferResult:
    check_outlasts_server(settings.journal)
    with reading(place) as file:
        source = Source(file, name_of(place, "stdin"))  # what is no history makes no journal either
        async with open_journal(settings.journal, data=settings.data) as journal:
            with _progress(source.header) as reach:
                try:
                    origin = Origin(source.header.epoch, source.header.pruned_to)
                    count = await need(journal, Importable).load(source.entries(reach), origin)
                finally:
                    source.stop()
    known = f"; {source.count - count} were here already" if source.count > count else ""
    return TransferResult(f"imported {_counted(count)}{known}")


class Source:
    """The lines of a history file, as what they are. It is read on one thread at a time."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read the header. Raises BackupError."""
        self._file = file
        self._name = name
        self._number = 0
        self._is_stopped = False
        self.count = 0
        self.header = self._read(self._line(), decode_header)

    def stop(self) -> None:
        """Let whoever still takes entries get no more, but an error: a journal then keeps none of them."""
        self._is_stopped = True

    def entries(self, reach: Reach) -> Iterator[Entry]:
        """Yield the entries, cleaned like anything that comes in. Raises BackupError that names the line."""
        last_id = 0
        while line := self._line():
            entry = self._read(line, decode_entry)
            if entry.id <= last_id:
                raise self._fault(f"ids must rise, and {entry.id} comes after {last_id}")
            yield self._cleaned(entry)
            last_id = entry.id
            self.count += 1
            reach(last_id)
        if last_id != self.header.last_id:
            raise self._fault(f"the file ends too early: the last entry's id should be {self.header.last_id}")

    def _line(self) -> bytes:
        if self._is_stopped:
            raise BackupError("stopped")
        self._number += 1
        return self._file.readline(LINE_MAX_BYTES)

    def _read(self, line: bytes, decode: Callable[[bytes], T]) -> T:
        try:
            return decode(line)
        except FormatError as error:
            raise self._fault(str(error)) from error

    def _cleaned(self, entry: Entry) -> Entry:
        draft = entry.draft
        room, author, text, to = map(clean, (draft.room, draft.author, draft.text, draft.to))
        if not room:
            raise self._fault("nothing readable is left of the room's name")
        return replace(entry, draft=replace(draft, room=room, author=author, text=text, to=to))

    def _fault(self, why: str) -> BackupError:
        return BackupError(f"{self._name}, line {self._number}: {why}; nothing was imported")


@contextmanager
def _progress(header: Header) -> Iterator[Reach]:
    """Show on a terminal how far it has come."""
    at = header.pruned_to
    with click.progressbar(
        length=max(header.last_id - at, 0),
        update_min_steps=STEPS_PER_UPDATE,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def reach(entry_id: int) -> None:
            nonlocal at
            if entry_id > at:  # topics are kept from before what was pruned
                bar.update(entry_id - at)
                at = entry_id

        yield reach


def _counted(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"
