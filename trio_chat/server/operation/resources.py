"""Resources of this process, and how much of each there is: memory, open files, and the disk of the data folder."""

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from trio_chat.server.operation.memory_limit import resident_limit

Usage = tuple[int, int | None]
"""The amount in use, and the most there can be; None where there is no limit, or it is not known."""


def measure_resources(data: Path, root: Path = Path("/")) -> Mapping[str, Usage]:
    """Measure what the system tells: bytes of `memory` and of the `disk` and the `data` folder, and open `files`.

    `root` is the folder of `proc` and `sys`. It reads files, and a disk may take its time: call it in a thread.
    """
    return dict(_measured(data, root))


def _measured(data: Path, root: Path) -> Iterator[tuple[str, Usage]]:
    with suppress(OSError, ValueError, IndexError):  # there is no /proc, or another one
        pages = int((root / "proc/self/statm").read_text().split()[1])
        yield "memory", (pages * resource.getpagesize(), resident_limit(root))
    with suppress(OSError):
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        opened = len(os.listdir(root / "proc/self/fd"))
        yield "files", (opened, None if most == resource.RLIM_INFINITY else most)
    with suppress(OSError):
        disk = os.statvfs(data)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        yield "disk", (used, used + disk.f_bavail * disk.f_frsize)  # what is kept for root is no use to us
        yield "data", (sum(entry.stat().st_size for entry in os.scandir(data) if entry.is_file()), None)
