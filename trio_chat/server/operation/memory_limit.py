"""The memory that this process may use, by its own limits and those of its control group, such as a container's."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60
"""In version 1 of control groups, a number of this order stands for no limit."""

_GROUPS = "sys/fs/cgroup"


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the tightest limit in bytes; None where there is none. `root` is the folder of `proc` and `sys`."""
    return min(
        (limit for limit in (*_group_limits(root), *_address_space_left(root)) if limit < _UNLIMITED), default=None
    )


def resident_limit(root: Path = Path("/")) -> int:
    """Return the most bytes that can be in memory: the limit of the control group, or all that the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min((limit for limit in _group_limits(root) if limit < _UNLIMITED), default=machine)


def _address_space_left(root: Path) -> Iterator[int]:
    """Yield the rest of RLIMIT_AS: libraries and stacks reserve much of it without using memory."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        with suppress(OSError):
            pages = int((root / "proc/self/statm").read_text().split()[0])
            yield max(0, limit - pages * resource.getpagesize())


def _group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of this process's group and of those above it, in version 2 and 1 of control groups.

    In a container the group may have the name that it has outside; then the root of the mounted tree is its own.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:
                yield from _limits_up(root / _GROUPS, group, "memory.max")
            elif "memory" in controllers.split(","):
                yield from _limits_up(root / _GROUPS / "memory", group, "memory.limit_in_bytes")


def _limits_up(mount: Path, group: str, name: str) -> Iterator[int]:
    inner = PurePosixPath(group.lstrip("/"))
    for folder in (inner, *inner.parents):
        with suppress(OSError, ValueError):  # not there, or `max`
            yield int((mount / folder / name).read_text())
