"""Reading whole files up to a limit: a file that a user names may be /dev/zero, which has no end."""

import errno
from pathlib import Path

FILE_MAX_BYTES = 256 * 1024
"""A configuration, or a certificate with its chain, has a few KiB."""


def read_bounded(file: Path) -> bytes:
    """Return the bytes of a file. Raises OSError, also for one of more than FILE_MAX_BYTES."""
    with file.open("rb") as opened:
        data = opened.read(FILE_MAX_BYTES + 1)
    if len(data) > FILE_MAX_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {FILE_MAX_BYTES // 1024} KiB")
    return data
