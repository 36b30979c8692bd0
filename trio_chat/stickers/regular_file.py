"""Reading a whole regular file up to a limit. It blocks: call it in a thread, or before the event loop."""

import os
import stat
from pathlib import Path

SIZE_MAX_BYTES = 1024 * 1024


def read_regular_file(path: str | Path, *, follows_link: bool = True) -> bytes:
    """Return the contents of a file. Raises OSError, and ValueError for a file of another kind or too large.

    Unless `follows_link`, a path that is a symbolic link is an OSError.
    """

    def open_without_waiting(name: str, flags: int) -> int:
        """Open a file without waiting, even a FIFO that nobody writes to."""
        return os.open(name, flags | os.O_NONBLOCK | (0 if follows_link else os.O_NOFOLLOW))

    with open(path, "rb", opener=open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a regular file")
        data = file.read(SIZE_MAX_BYTES + 1)
    if len(data) > SIZE_MAX_BYTES:
        raise ValueError("larger than 1 MiB")
    return data
