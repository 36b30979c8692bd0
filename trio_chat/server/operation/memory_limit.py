"""The memory that this process may use: by the limits of its control group, as of a container, and its own."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60
"""Version 1 of control groups has a number of that order for no limit."""

_GROUPS = "sys/fs/cgroup"


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes that the tightest limit leaves; None where there is none. `root` has `proc` and `sys`."""
    return min(
        (limit for limit in (*_group_limits(root), *_address_space_left(root)) if limit < _UNLIMITED), default=None
    )


def _address_space_left(root: Path) -> Iterator[int]:
    """Yield what is left of RLIMIT_AS, of which libraries and stacks have much that takes no memory."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        with suppress(OSError):
            pages = int((root / "proc/self/statm").read_text().split()[0])
            yield max(0, limit - pages * resource.getpagesize())


def _group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of this process's group and of those above it, in version 2 and 1 of control groups.

    In a container the group's name may be that outside: then the top of what is mounted is its own.
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
