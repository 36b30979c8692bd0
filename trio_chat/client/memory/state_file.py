"""Files in the person's state folder: read within a bound, replaced whole, set aside where they are damaged.

Nobody else can read them. Two clients at once take turns by a lock on the folder.
"""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

DAMAGED = (msgspec.MsgspecError, ValueError, RecursionError)
"""Errors of reading JSON that no client wrote; of thousands of brackets it is a RecursionError."""

LOCK_TIMEOUT_S = 5.0
"""Time to wait for another client that writes, which takes it milliseconds unless it has been stopped."""

_LOCK_RETRY_S = 0.01
_TAIL_BYTES = 256 * 1024
"""Bytes in which the last line begins."""


def file_stem(server: str, profile: str = "") -> str:
    """Return a file name that a person recognises and that no other server and profile have."""
    readable = re.sub(r"[^a-z0-9.-]+", "_", f"{server} {profile}".strip().lower())[:80]
    digest = hashlib.sha256("\n".join((server, profile)).encode(errors="surrogateescape")).hexdigest()
    return f"{readable}-{digest[:8]}"


def read_file(file: Path, size_max: int) -> bytes:
    """Return the content of a file, empty where there is none. Raises OSError, also for what is too big or no file."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would make it wait
    except FileNotFoundError:
        return b""
    with open(fd, "rb") as opened:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        if found.st_size > size_max:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(file))
        return opened.read(size_max)


def replace_file(file: Path, data: bytes) -> None:
    """Put another file in the place of one, atomically. Raises OSError."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(data)
        os.replace(draft, file)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def append_lines(file: Path, data: bytes) -> int:
    """Add lines to the end of a file, in place of one that a power cut has cut off. -> its size. Raises OSError."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600)
    with open(fd, "r+b") as opened:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        start = max(opened.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
        opened.seek(start)
        tail = opened.read()
        opened.seek(start + tail.rfind(b"\n") + 1 if b"\n" in tail else start)
        opened.write(data)
        return opened.truncate()


def set_aside(file: Path) -> Path:
    """Give a damaged file another name. -> its new address. Raises OSError."""
    aside = file.with_name(f"{file.name}.damaged-{secrets.token_hex(4)}")
    file.rename(aside)
    return aside


@contextmanager
def locked(file: Path, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Keep other clients from writing a file until the end of the block. Raises OSError, also where one does not end.

    It makes the folder where that is missing.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(file.parent, os.O_RDONLY)
    try:
        deadline = time.monotonic() + timeout_s
        while not _try_to_lock(fd):
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, "another client does not let go of it", str(file))
            time.sleep(_LOCK_RETRY_S)
        yield
    finally:
        os.close(fd)


def _try_to_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
