"""A client that sends without a pause, and reads: `talker.py PORT`. At the end it prints the last bytes received."""

import contextlib
import itertools
import socket
import sys
import threading

FILLING = b"x" * 2000


def talk(sock: socket.socket) -> None:
    """Send unique lines until the connection ends."""
    name = sock.getsockname()[1]
    with contextlib.suppress(OSError):
        for block in itertools.count():  # one line at a time would leave no time to read
            sock.sendall(b"".join(b"%d-%d-%d %s\n" % (name, block, number, FILLING) for number in range(50)))


def main() -> None:
    """Send in one thread, read in the other."""
    end = b""
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        threading.Thread(target=talk, args=(sock,), daemon=True).start()
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(1 << 16):
                end = (end + data)[-200:]
    sys.stdout.buffer.write(end)


if __name__ == "__main__":
    main()
