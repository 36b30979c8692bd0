"""Another network on this machine, with one cable to ours: who is there can vanish without a word."""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TypeVar

from bench.faults.people import connect

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_CABLE = (f"chat{os.getpid()}here"[:15], f"chat{os.getpid()}away"[:15])
_NET = f"198.51.100.{os.getpid() % 64 * 4}"  # in TEST-NET-2 (RFC 5737), which nobody has; others may do this too
_HERE, _AWAY = (str(ip_address(_NET) + number) for number in (1, 2))


class NotHereError(Exception):
    """This machine does not let us make a network; the text says why."""


class Elsewhere:
    """A network that only one thread is in: sockets that it makes stay there, whoever uses them."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread

    def connect(self, port: int) -> socket.socket:
        """Connect from there to a server here. Raises OSError."""
        return self.do(lambda: connect(port, host=_HERE))

    def cut(self) -> None:
        """Pull the cable out at the far end: nothing arrives any more, and nobody here is told."""
        self.do(lambda: _run("ip", "link", "set", _CABLE[1], "down"))

    def do(self, work: Callable[[], T]) -> T:
        """Do something there. -> what it returned."""
        return self._thread.submit(work).result()


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Make such a network, and take it away at the end. Raises NotHereError."""
    with ThreadPoolExecutor(1) as thread:
        network = Elsewhere(thread)
        thread_id = network.do(_leave)
        try:
            _lay_cable(network, thread_id)
            yield network
        finally:
            with suppress(NotHereError):
                _run("ip", "link", "del", _CABLE[0])


def _leave() -> int:
    """Go into a network of its own, with this thread alone. -> its number"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise NotHereError(f"no network of its own: {os.strerror(ctypes.get_errno()).lower()}; it takes root")
    return threading.get_native_id()


def _lay_cable(network: Elsewhere, thread_id: int) -> None:
    here, away = _CABLE
    _run("ip", "link", "add", here, "type", "veth", "peer", "name", away, "netns", str(thread_id))
    _run("ip", "address", "add", f"{_HERE}/30", "dev", here)
    _run("ip", "link", "set", here, "up")
    network.do(lambda: _run("ip", "address", "add", f"{_AWAY}/30", "dev", away))
    network.do(lambda: _run("ip", "link", "set", away, "up"))
    # Like behind a router: nobody notices that the neighbour is gone.
    address = network.do(lambda: _run("ip", "-brief", "link", "show", away)).split()[2]
    _run("ip", "neighbour", "replace", _AWAY, "lladdr", address, "dev", here, "nud", "permanent")


def _run(*command: str) -> str:
    """Run a command, in the network of the thread that calls. -> what it said"""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise NotHereError(f"cannot run {command[0]}: {(error.strerror or str(error)).lower()}") from error
    except subprocess.CalledProcessError as error:
        raise NotHereError(f"`{' '.join(command)}` failed: {error.stderr.strip()}") from error
