"""Opening the target of an export and the source of an import: a file, pipe or device."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trio_chat.closed_output import ClosedOutputError

STREAM = "-"
"""The name that stands for stdin and stdout."""


class BackupError(Exception):
    """A history could not be exported or imported; the text is one sentence that says why."""


@contextmanager
def open_target(name: str) -> Iterator[BinaryIO]:
    """Open the target of an export. Raises BackupError, also for errors while it is written, and ClosedOutputError.

    A file can be read by its owner only, and gets its name when it is complete and on disk: until then an earlier file
    of that name stays as it was.
    """
    try:
        if name == STREAM:
            with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
                yield stream
        elif os.path.exists(name) and not os.path.isfile(name):
            with open(name, "wb") as device:
                yield device
        else:
            with _replacing(Path(os.path.realpath(name))) as file:
                yield file
    except BrokenPipeError as error:
        raise ClosedOutputError from error
    except OSError as error:
        raise BackupError(f"cannot write to {name_of(name, 'stdout')}: {error.strerror}") from error


@contextmanager
def open_source(name: str) -> Iterator[BinaryIO]:
    """Open the source of an import. Raises BackupError, also for errors while it is read."""
    if name == STREAM and sys.stdin.isatty():
        raise BackupError("say which FILE to import, or send one through a pipe")
    try:
        with open(sys.stdin.fileno() if name == STREAM else name, "rb", closefd=name != STREAM) as file:
            yield file
    except OSError as error:
        raise BackupError(f"cannot read {name_of(name, 'stdin')}: {error.strerror}") from error


def name_of(name: str, stream: str) -> str:
    """Return the name for messages: `stream` if the name is STREAM."""
    return stream if name == STREAM else name


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a temporary file, which takes the place of `path` at the end of the block, and is removed on an error."""
    fd, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
