"""A client that sends one endless line: `flooder.py PORT MIB`, at least so much, until its input ends.

It prints the MiB sent, and the number of errors received.
"""

import os
import socket
import sys
import threading

BLOCK = b"x" * (1 << 20)
NICENESS = 19
"""The flood comes from another machine: it must not take the processor from the clients that are timed."""


def main() -> None:
    """Send until the input ends; then end the line, leave, and count the errors."""
    port, mebibytes = map(int, sys.argv[1:])
    os.nice(NICENESS)
    is_over = threading.Event()
    threading.Thread(target=_wait_for_end, args=(is_over,), daemon=True).start()
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while sent < mebibytes or not is_over.is_set():
            sock.sendall(BLOCK)
            sent += 1
        sock.sendall(b"\n/quit\n")
        heard = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    print(sent, heard.count(b"line too long"))


def _wait_for_end(is_over: threading.Event) -> None:
    sys.stdin.read()
    is_over.set()


if __name__ == "__main__":
    main()
