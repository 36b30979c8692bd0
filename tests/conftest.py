"""Settings of all tests: they must not mind how fast the machine is, or how busy."""

import gc
import os
import tempfile
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.cheap_hashes import hash_cheaply

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

os.environ["TRIO_CHAT_VIEW"] = "lines"
"""Clients at a terminal, in processes of their own too, show the line view, unless a test says otherwise."""

MEMORY = Path("/dev/shm")
"""The folder of files in memory, on Linux."""

FILES_BYTES = 2 << 30
"""More than the files of all tests at once."""

PATIENCE_S = 20
"""After this long without what a test waits for, it fails. Nothing waits this long where all is well."""


def has_room(folder: Path) -> bool:
    """Tell whether the files of tests fit into a folder, and programs among them can be run there."""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= FILES_BYTES and not found.f_flag & os.ST_NOEXEC


def pytest_configure() -> None:
    """Hash passwords with little work, and keep files in memory, unless TMPDIR says where.

    A disk is a quarter of the CPU time of journals.
    """
    hash_cheaply()
    if "TMPDIR" not in os.environ and has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = os.fspath(MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Run four workers more than there are cores: a test waits for its server or for a timer half of its time."""
    return 4 + (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the slow tests, so that none waits for the last long one of another.

    Each begins with a part of the list, in which tests of one file stay together, and takes over tests of others at its
    end: what the tests of a file share is made by few workers.
    """
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    bounds = [len(others) * part // parts for part in range(parts + 1)]
    items[:] = [
        item for part, (begin, end) in enumerate(pairwise(bounds)) for item in (*slow[part::parts], *others[begin:end])
    ]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while collecting tests, and freeze what that has made.

    Nothing of it is garbage, and each full collection would walk all of it: a fifth of the time here, 0.2 s in a test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
