"""The servers that somebody was at last, for a `join` that names none."""

from pathlib import Path

import msgspec

from trio_chat.client.memory.state_file import DAMAGED, locked, read_file, replace_file, set_aside
from trio_chat.config import state_folder

RECENT_MAX = 5
"""Servers that are remembered: as many as are read at one look."""

SIZE_MAX = 16 * 1024
_TEXT_MAX = 300


class RecentServer(msgspec.Struct, frozen=True):
    """A server, as it was named on the command line."""

    host: str
    port: str = ""
    """Empty where none was named."""
    nick: str = ""

    @property
    def title(self) -> str:
        """The server as one word of a command line."""
        host = self.host
        if self.port:
            host = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        return f"{self.nick}@{host}" if self.nick else host


_decoder = msgspec.json.Decoder(tuple[RecentServer, ...])


class RecentServers:
    """The file with them, the last one first."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is the client's state folder, if not the default one. Raises ConfigError."""
        self.file = (folder or state_folder()) / "recent.json"

    def read(self) -> tuple[RecentServer, ...]:
        """Return them; none where the file is damaged, which is set aside then. Raises OSError."""
        data = read_file(self.file, SIZE_MAX)
        try:
            found = _decoder.decode(data) if data.strip() else ()
        except DAMAGED:
            set_aside(self.file)
            return ()
        return tuple(server for server in found if _is_valid(server))[:RECENT_MAX]

    def add(self, server: RecentServer) -> None:
        """Put a server first. Raises OSError."""
        if not _is_valid(server):
            return
        with locked(self.file):
            others = [other for other in self.read() if (other.host, other.port) != (server.host, server.port)]
            kept = [server, *others][:RECENT_MAX]
            replace_file(self.file, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def _is_valid(server: RecentServer) -> bool:
    texts = (server.host, server.port, server.nick)
    return bool(server.host) and all(len(text) <= _TEXT_MAX and text.isprintable() for text in texts)
