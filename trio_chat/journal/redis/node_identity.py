"""The identity of a node: its name, and the file in its data folder that is locked as long as the node runs.

So a server that was killed and is started again is known to be the same one, and need not wait for its own lease. A
copy of the folder, or another machine with the same name, is known to be another.
"""

import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from trio_chat.journal.records import JournalError

FILE = "redis-node"

_NAME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its name, and the holder of that name, which is the file in one data folder on one machine."""

    name: str
    holder: str


def lock_identity(data: Path, name: str | None = None) -> tuple[Node, int]:
    """Lock the identity in a data folder, or make one. Without a `name`, the node has the random one in the file.

    Returns the node, and a file descriptor: closing it releases the lock. Raises JournalError.
    """
    path = data / FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot open {path}, which names this node: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalError(
            f"another server uses the data folder {data}: stop it, or name another with --data"
        ) from error
    random_name, file = _read_or_make(descriptor), os.fstat(descriptor)
    return Node(name or random_name, f"{socket.gethostname()} {file.st_dev} {file.st_ino}"), descriptor


def _read_or_make(descriptor: int) -> str:
    found = os.read(descriptor, 64).decode("ascii", "replace").strip()
    if len(found) == 2 * _NAME_BYTES and found.isalnum():
        return found
    name = secrets.token_hex(_NAME_BYTES)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{name}\n".encode(), 0)
    os.fsync(descriptor)
    return name
