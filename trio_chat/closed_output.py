"""Errors of output that nobody reads any more, as in `trio-chat clients | head -1`, or that no disk takes."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from click.exceptions import Exit

CLOSED_OUTPUT_STATUS = 141
"""128 + SIGPIPE: the exit status that shells show for `git log | head -1`, which ends without a word, too."""


class ClosedOutputError(Exit):
    """The reader of the output is gone. This is no OSError, which would be taken for a failure of a connection."""

    def __init__(self) -> None:
        super().__init__(CLOSED_OUTPUT_STATUS)


class FullOutputError(Exception):
    """The output cannot be written; the text says why."""


_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))


@contextmanager
def closed_output_raised() -> Iterator[None]:
    """Turn the broken pipe of an output into a ClosedOutputError, and a full disk under it into a FullOutputError."""
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedOutputError from error
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        raise FullOutputError(f"cannot write to stdout, or to a file: {os.strerror(error.errno)}") from error


def drop_output() -> None:
    """Discard the rest of stdout's buffer, which the interpreter flushes at exit and would report as an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
