"""Where a history is written to and read from: files, pipes and devices."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

STREAM = "-"
"""Stands for stdin and stdout."""


class BackupError(Exception):
    """A history could not be exported or imported; the text is one sentence that says why."""


@contextmanager
def writing(place: str) -> Iterator[BinaryIO]:
    """Open what is exported to. Raises BackupError, also for what goes wrong while it is written.

    A file is for its owner alone, and gets its name only when it is whole and on the disk: until then an earlier one of
    that name stays as it was.
    """
    try:
        if place == STREAM:
            with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
                yield stream
        elif os.path.exists(place) and not os.path.isfile(place):
            with open(place, "wb") as device:
                yield device
        else:
            with _replacing(Path(os.path.realpath(place))) as file:
                yield file
    except OSError as error:
        raise BackupError(f"cannot write to {name_of(place, 'stdout')}: {error.strerror}") from error


@contextmanager
def reading(place: str) -> Iterator[BinaryIO]:
    """Open what is imported from. Raises BackupError, also for what goes wrong while it is read."""
    if place == STREAM and sys.stdin.isatty():
        raise BackupError("say which FILE to import, or send one through a pipe")
    try:
        with open(sys.stdin.fileno() if place == STREAM else place, "rb", closefd=place != STREAM) as file:
            yield file
    except OSError as error:
        raise BackupError(f"cannot read {name_of(place, 'stdin')}: {error.strerror}") from error


def name_of(place: str, stream: str) -> str:
    """What a place is called in messages."""
    return stream if place == STREAM else place


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    fd, unborn = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        os.replace(unborn, path)
    except BaseException:
        os.unlink(unborn)
        raise
