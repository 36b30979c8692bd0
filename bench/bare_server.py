"""The least that a chat on Trio and SQLite needs: a server that keeps each line before others see it, and no more.

It has no names, rooms, commands, limits or history, and no patience: whoever does not take at once what is sent loses
it. It is here to divide by, as limit.c is: what our server needs beyond this is ours, and the rest is that of Python,
Trio, SQLite and the kernel.
"""

import socket
import sqlite3
import sys
import threading
from collections.abc import Sequence
from operator import methodcaller
from pathlib import Path
from queue import SimpleQueue

import trio

READ_BYTES = 65536
ROWS_PER_STATEMENT = 64
PAGES_BETWEEN_CHECKPOINTS = 1000

Said = tuple[socket.socket, bytes]
"""The speaker, and the line as others see it."""


class Writer:
    """A thread that makes batches of lines durable, one transaction each."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bare.db"
        self._batches: SimpleQueue[Sequence[Said]] = SimpleQueue()

    def start(self, server: "BareServer") -> None:
        """Start the thread. It ends with the process."""
        token = trio.lowlevel.current_trio_token()
        threading.Thread(target=self._write_forever, args=(token, server), daemon=True).start()

    def put(self, batch: Sequence[Said]) -> None:
        """Write a batch soon, after those before it."""
        self._batches.put(batch)

    def _write_forever(self, token: trio.lowlevel.TrioToken, server: "BareServer") -> None:
        db = sqlite3.connect(self._path, isolation_level=None, cached_statements=2 * ROWS_PER_STATEMENT)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, line TEXT)")
        pages = 0
        while True:
            batch = self._batches.get()
            self._insert(db, [line.decode() for _speaker, line in batch])
            token.run_sync_soon(server.deliver, batch)
            pages += 3 + len(batch) // 8
            if pages > PAGES_BETWEEN_CHECKPOINTS:  # as ours does it: the log is written from its beginning again
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")
                pages = 0

    @staticmethod
    def _insert(db: sqlite3.Connection, lines: Sequence[str]) -> None:
        is_split = len(lines) > ROWS_PER_STATEMENT
        if is_split:
            db.execute("BEGIN")
        for start in range(0, len(lines), ROWS_PER_STATEMENT):
            rows = lines[start : start + ROWS_PER_STATEMENT]
            db.execute(f"INSERT INTO entry (line) VALUES {', '.join(['(?)'] * len(rows))}", rows)
        if is_split:
            db.execute("COMMIT")


class BareServer:
    """The server: all sockets, and the lines that were said in this turn of the loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._sockets: dict[socket.socket, None] = {}
        self._said: list[Said] = []
        self._is_said = trio.Event()

    async def run(self) -> None:
        """Accept connections and serve them. The port is printed."""
        self._writer.start(self)
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            listener.setblocking(False)
            print(f"Chat Server started on port: {listener.getsockname()[1]}", flush=True)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._submit_forever)
                while True:
                    await trio.lowlevel.wait_readable(listener)
                    self._accept_all(listener, nursery)

    def deliver(self, batch: Sequence[Said]) -> None:
        """Send lines to all but their speakers, one send each."""
        speakers = {speaker for speaker, _line in batch}
        for speaker in speakers:
            if theirs := b"".join([line for by, line in batch if by is not speaker]):
                _send([speaker], theirs)
        _send([it for it in self._sockets if it not in speakers], b"".join([line for _by, line in batch]))

    def _accept_all(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        while True:
            try:
                sock, (host, port) = listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[sock] = None
            nursery.start_soon(self._read_forever, sock, f"[{host}:{port}]> ".encode())

    async def _read_forever(self, sock: socket.socket, label: bytes) -> None:
        with sock:
            while True:
                await trio.lowlevel.wait_readable(sock)
                if not (data := sock.recv(READ_BYTES)):
                    break
                self._said += [(sock, label + line) for line in data.splitlines(keepends=True)]
                self._is_said.set()
            del self._sockets[sock]

    async def _submit_forever(self) -> None:
        """Write what all said in one turn of the loop as one batch, as ours does."""
        while True:
            await self._is_said.wait()
            self._is_said = trio.Event()
            batch, self._said = self._said, []
            self._writer.put(batch)


def _send(sockets: Sequence[socket.socket], data: bytes) -> None:
    """Offer the kernel the same bytes for several sockets, in a loop that runs in the C of Python."""
    taken: list[int] = []
    left, send = iter(sockets), methodcaller("send", data)
    while len(taken) < len(sockets):
        try:
            taken.extend(map(send, left))
        except OSError:
            taken.append(0)


if __name__ == "__main__":
    data = Path(sys.argv[1])
    data.mkdir()
    trio.run(BareServer(Writer(data)).run)
