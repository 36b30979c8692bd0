"""A client that talks without a pause, and reads: `talker.py PORT`. At the end it prints the last that it heard."""

import contextlib
import itertools
import socket
import sys
import threading

FILLING = b"x" * 2000


def talk(sock: socket.socket) -> None:
    """Say lines that nobody else says, until that is not possible any more."""
    name = sock.getsockname()[1]
    with contextlib.suppress(OSError):
        for block in itertools.count():  # line by line, it would leave itself no time to read
            sock.sendall(b"".join(b"%d-%d-%d %s\n" % (name, block, number, FILLING) for number in range(50)))


def main() -> None:
    """Talk in one thread, read in the other."""
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
