"""The identity of an open file, to notice that it was removed or replaced. It must know no Trio: everything blocks."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from trio_chat.journal.records import JournalError

DeviceAndInode = tuple[int, int] | None

logger = logging.getLogger(__name__)


class FileIdentity:
    """Device and inode of a database and the files beside it when they were opened.

    SQLite goes on writing to a file that was removed or replaced: all seems well, and everything kept since then is
    gone when the server stops.
    """

    def __init__(self, path: Path) -> None:
        """Note the files at `path`, all of which SQLite has open by now."""
        resolved = path.resolve()  # SQLite puts the others beside what a link leads to
        self._file, self._log, self._shared = str(path.absolute()), f"{resolved}-wal", f"{resolved}-shm"
        self._known = {name: _identity(name) for name in (self._file, self._log, self._shared)}

    def check(self) -> None:
        """Raise JournalError when one of the files is no longer in its place.

        It takes 9 us, also beside a busy thread: that one does not wake up in so short a time.
        """
        if not self._is_ours(self._file):
            raise JournalError("the journal file was removed or replaced")
        if not self._is_ours(self._log):
            raise JournalError("the -wal file of the journal was removed or replaced")
        if not self._is_ours(self._shared):  # another program that opened the journal now would not see our locks
            raise JournalError("the -shm file of the journal was removed or replaced")

    @property
    def is_in_place(self) -> bool:
        """False once the file was removed, moved away or replaced."""
        return self._is_ours(self._file)

    def remove_leftovers(self, *, is_log_empty: bool) -> None:
        """Remove the write-ahead log of our file from beside another file, to which SQLite would apply it.

        Our file was moved away or replaced, and is closed by now. A log that is not empty has some of its entries, and
        is renamed instead.
        """
        with suppress(OSError):
            self._remove(self._shared)
            if is_log_empty:
                self._remove(self._log)
            elif self._is_ours(self._log) and os.path.lexists(self._file):
                os.replace(self._log, f"{self._log}.left")
                logger.error("what could not be brought into the journal that was here is in %s.left", self._log)

    def _remove(self, name: str) -> None:
        if self._is_ours(name):
            os.unlink(name)

    def _is_ours(self, name: str) -> bool:
        return _identity(name) == self._known[name]


def _identity(name: str) -> DeviceAndInode:
    """Return device and inode of a name; None when it cannot be found."""
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino
