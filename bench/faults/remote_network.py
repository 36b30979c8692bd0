"""A network namespace with one cable to ours, so that its clients can vanish without closing a connection."""

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

from bench.faults.clients import connect

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_CABLE = (f"chat{os.getpid()}here"[:15], f"chat{os.getpid()}away"[:15])
# In TEST-NET-2 (RFC 5737), which is never in use; by process id, since several may run at once.
_NET = f"198.51.100.{os.getpid() % 64 * 4}"
_HERE, _AWAY = (str(ip_address(_NET) + number) for number in (1, 2))


class NotPermittedError(Exception):
    """This machine does not permit a network namespace; the text says why."""


class RemoteNetwork:
    """A network namespace of one thread. A socket made there stays there, whichever thread uses it."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread

    def connect(self, port: int) -> socket.socket:
        """Connect from there to a server of ours. Raises OSError."""
        return self.do(lambda: connect(port, host=_HERE))

    def cut(self) -> None:
        """Disconnect the cable at the far end: no packet arrives, and our side is not notified."""
        self.do(lambda: _run("ip", "link", "set", _CABLE[1], "down"))

    def do(self, work: Callable[[], T]) -> T:
        """Run a function there. -> its result"""
        return self._thread.submit(work).result()


@contextmanager
def remote_network() -> Iterator[RemoteNetwork]:
    """Make such a network, and remove it after the block. Raises NotPermittedError."""
    with ThreadPoolExecutor(1) as thread:
        network = RemoteNetwork(thread)
        thread_id = network.do(_unshare)
        try:
            _lay_cable(network, thread_id)
            yield network
        finally:
            with suppress(NotPermittedError):
                _run("ip", "link", "del", _CABLE[0])


def _unshare() -> int:
    """Move this thread to a new network namespace. -> its thread id"""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise NotPermittedError(f"no network namespace: {os.strerror(ctypes.get_errno()).lower()}; it takes root")
    return threading.get_native_id()


def _lay_cable(network: RemoteNetwork, thread_id: int) -> None:
    here, away = _CABLE
    _run("ip", "link", "add", here, "type", "veth", "peer", "name", away, "netns", str(thread_id))
    _run("ip", "address", "add", f"{_HERE}/30", "dev", here)
    _run("ip", "link", "set", here, "up")
    network.do(lambda: _run("ip", "address", "add", f"{_AWAY}/30", "dev", away))
    network.do(lambda: _run("ip", "link", "set", away, "up"))
    # As behind a router: ARP does not notice that the neighbour is gone.
    address = network.do(lambda: _run("ip", "-brief", "link", "show", away)).split()[2]
    _run("ip", "neighbour", "replace", _AWAY, "lladdr", address, "dev", here, "nud", "permanent")


def _run(*command: str) -> str:
    """Run a command in the network of the calling thread. -> its output"""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise NotPermittedError(f"cannot run {command[0]}: {(error.strerror or str(error)).lower()}") from error
    except subprocess.CalledProcessError as error:
        raise NotPermittedError(f"`{' '.join(command)}` failed: {error.stderr.strip()}") from error
