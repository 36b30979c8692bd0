"""Export, import and compaction of the history in a journal."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, NamedTuple, TypeVar

import click
import trio
from msgspec import UNSET
from msgspec.structs import replace

from trio_chat.backup.account_lines import decode_account, encode_account
from trio_chat.backup.files import BackupError, name_of, open_source, open_target
from trio_chat.backup.ndjson import FormatError, Header, decode_entry, decode_header, encode_entry, encode_header
from trio_chat.chat.events import Entry
from trio_chat.chat.text import clean
from trio_chat.config import ServeSettings
from trio_chat.journal import (
    Durability,
    HistoryReader,
    Importable,
    Journal,
    JournalError,
    Origin,
    check_outlasts_server,
    compact_journal,
    need,
    open_history,
    open_journal,
)

PAGE_ENTRIES = 1000
LINE_MAX_BYTES = 1024 * 1024
"""Forty times the longest entry there can be."""

ENTRIES_PER_UPDATE = 5000
"""Entries between two updates of the progress bar: about ten updates a second."""

ReportProgress = Callable[[int], None]
"""Called with the id of each entry that is done."""

INCOMPLETE_STATUS = 3
"""Exit status of an export without the damaged entries."""

T = TypeVar("T")


class TransferResult(NamedTuple):
    """Sentences about the outcome, and about entries that are missing, if any are."""

    text: str
    missing: str | None = None


def export_history(settings: ServeSettings, name: str, *, with_accounts: bool = False) -> int:
    """Write the whole history of a journal to a file, even while a server uses it. -> exit status. Reports on stderr.

    Damaged entries are left out and named; the status is INCOMPLETE_STATUS then.
    """
    return _run(partial(_export, with_accounts=with_accounts), settings, name)


def import_history(settings: ServeSettings, name: str, *, with_accounts: bool = False) -> int:
    """Import all entries of a file, or none if it is malformed. -> exit status. Reports on stderr.

    Accounts whose names belong to others here are left out and named.
    """
    return _run(partial(_import, with_accounts=with_accounts), settings, name)


def compact_history(settings: ServeSettings) -> int:
    """Free the disk space of removed entries, while no server runs. -> exit status. Reports on stderr."""
    try:
        before, after = compact_journal(settings.journal, data=settings.data)
    except JournalError as error:
        print(f"trio-chat: {error}", file=sys.stderr)
        return 1
    print(f"compacted the journal from {before / 1e6:.1f} to {after / 1e6:.1f} MB", file=sys.stderr)
    return 0


def _run(
    transfer: Callable[[ServeSettings, str], Awaitable[TransferResult]], settings: ServeSettings, name: str
) -> int:
    try:
        done = trio.run(transfer, settings, name)
    except (BackupError, JournalError) as error:
        print(f"trio-chat: {error}", file=sys.stderr)
        return 1
    print(done.text, file=sys.stderr)
    if done.missing:
        print(f"trio-chat: {done.missing}", file=sys.stderr)
        return INCOMPLETE_STATUS
    return 0


async def _export(settings: ServeSettings, name: str, *, with_accounts: bool) -> TransferResult:
    count = damaged = seen = 0
    async with open_history(settings.journal, data=settings.data) as history:
        accounts = await history.read_names() if with_accounts else []
        header = Header(
            epoch=history.epoch,
            pruned_to=history.pruned_to,
            last_id=await _last_intact_id(history),
            accounts=len(accounts) if with_accounts else UNSET,
        )
        with open_target(name) as file, _progress(header) as report_progress:
            file.write(encode_header(header) + b"".join(map(encode_account, accounts)))
            while page := await history.read(None, after=seen, before=history.last_id + 1, limit=PAGE_ENTRIES):
                entries = [it for it in page if isinstance(it, Entry)]
                file.write(b"".join(map(encode_entry, entries)))
                count, damaged, seen = count + len(entries), damaged + len(page) - len(entries), page[-1].id
                report_progress(seen)
        missing = f"{_counted(damaged)} could not be exported: {history.damage}" if damaged else None
    exported = f" and {_counted(len(accounts), 'account', 'accounts')}" if with_accounts else ""
    return TransferResult(f"exported {_counted(count)}{exported}", missing)


async def _last_intact_id(history: HistoryReader) -> int:
    """Return the id of the last undamaged entry, by which an import recognises a complete file."""
    before = history.last_id + 1
    while page := await history.read(None, before=before, limit=PAGE_ENTRIES):
        for it in reversed(page):
            if isinstance(it, Entry):
                return it.id
        before = page[0].id
    return 0


async def _import(settings: ServeSettings, name: str, *, with_accounts: bool) -> TransferResult:
    check_outlasts_server(settings.journal)
    with open_source(name) as file:
        source = HistoryFile(
            file, name_of(name, "stdin")
        )  # first: a file that is not a history must not create a journal
        async with open_journal(
            settings.journal, data=settings.data, durability=Durability(settings.journal_durability)
        ) as journal:
            with _progress(source.header) as report_progress:
                try:
                    origin = Origin(source.header.epoch, source.header.pruned_to)
                    count = await need(journal, Importable).load(source.entries(report_progress), origin)
                finally:
                    source.stop()
            about_accounts = await _load_accounts(journal, source) if with_accounts else _left_accounts(source)
    known = f"; {source.count - count} were here already" if source.count > count else ""
    return TransferResult(f"imported {_counted(count)}{known}{about_accounts}")


async def _load_accounts(journal: Journal, source: "HistoryFile") -> str:
    """Load the accounts of a file, after its entries. -> the end of the sentence that reports it"""
    if source.header.accounts is UNSET:
        return "; the file has no accounts: they are exported with --accounts"
    here = {account.id for account, _ in await journal.read_names()}
    keeps_marks = journal.epoch == source.header.epoch
    taken = await need(journal, Importable).load_names(source.accounts, keeps_marks=keeps_marks)
    new = sum(account.id not in here for account, _ in source.accounts) - len(taken)
    left_out = f"; left out, since they belong to others here: {', '.join(taken)}" if taken else ""
    return f"; added {_counted(new, 'account', 'accounts')}{left_out}"


def _left_accounts(source: "HistoryFile") -> str:
    """Return the end of the sentence that reports an import, about accounts in the file that are not imported."""
    return f"; --accounts adds its {_counted(len(source.accounts), 'account', 'accounts')}" if source.accounts else ""


class HistoryFile:
    """Reader of a history file, for one thread at a time."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read the header, and the accounts if there are any. Raises BackupError."""
        self._file = file
        self._name = name
        self._number = 0
        self._is_stopped = False
        self.count = 0
        self.header = self._read(self._line(), decode_header)
        self.accounts = [
            self._read(self._line(), decode_account)
            for _ in range(0 if self.header.accounts is UNSET else self.header.accounts)
        ]

    def stop(self) -> None:
        """Let the iterator of entries raise BackupError, so that a thread that still reads it keeps nothing."""
        self._is_stopped = True

    def entries(self, report_progress: ReportProgress) -> Iterator[Entry]:
        """Yield the entries, cleaned like all input. Raises BackupError, which names the line."""
        last_id = 0
        while line := self._line():
            entry = self._read(line, decode_entry)
            if entry.id <= last_id:
                raise self._fault(f"ids must rise, and {entry.id} comes after {last_id}")
            yield self._cleaned(entry)
            last_id = entry.id
            self.count += 1
            report_progress(last_id)
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
def _progress(header: Header) -> Iterator[ReportProgress]:
    """Show a progress bar on a terminal."""
    at = header.pruned_to
    with click.progressbar(
        length=max(header.last_id - at, 0),
        update_min_steps=ENTRIES_PER_UPDATE,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def report(entry_id: int) -> None:
            nonlocal at
            if entry_id > at:  # topics are older than the entries that were pruned
                bar.update(entry_id - at)
                at = entry_id

        yield report


def _counted(count: int, one: str = "entry", many: str = "entries") -> str:
    return f"{count} {one if count == 1 else many}"
