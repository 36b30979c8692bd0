"""The file in a server's data folder with the address of its admin API, by which local commands find it.

The server keeps the file locked while it runs, and the kernel releases the lock when the process ends, in any way. So a
file without a lock was left behind by a server that was killed.
"""

import errno
import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

ADDRESS_FILE = "admin.json"

_FILE_MAX_BYTES = 4096


class AdminAddress(msgspec.Struct, frozen=True):
    """The URL of an admin API, and the absolute path of the file with its token.

    `needs_token` is true without a `token_file` where a variable gave the server its token.
    """

    url: str
    needs_token: bool = False
    token_file: str | None = None


def write_address(folder: Path, address: AdminAddress) -> int | None:
    """Write the file, readable by its owner alone. Raises OSError.

    -> the file descriptor that keeps it locked; None where a running server has written one already, or where there is
    no such folder: a journal in memory needs none.
    """
    if not folder.is_dir() or read_address(folder) is not None:
        return None
    fd, name = tempfile.mkstemp(dir=folder, prefix=f".{ADDRESS_FILE}.")  # its mode is 0600
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, msgspec.json.encode(address) + b"\n")
        os.replace(name, folder / ADDRESS_FILE)
    except OSError:
        os.close(fd)
        with suppress(OSError):
            os.unlink(name)
        raise
    return fd


def remove_address(folder: Path, fd: int) -> None:
    """Remove the file that `fd` keeps locked, unless another has taken its place, and lift the lock."""
    with suppress(OSError):
        file = folder / ADDRESS_FILE
        if os.path.samestat(os.fstat(fd), file.stat()):
            file.unlink()
    os.close(fd)


def read_address(folder: Path) -> AdminAddress | None:
    """Return the address of the server that runs on a data folder; None if there is none. Raises OSError."""
    try:
        fd = os.open(folder / ADDRESS_FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return msgspec.json.decode(os.read(fd, _FILE_MAX_BYTES), type=AdminAddress) if _is_locked(fd) else None
    except msgspec.MsgspecError:
        return None
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        raise
    return False
