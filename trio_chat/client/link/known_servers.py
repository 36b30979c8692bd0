"""The known servers and their certificates: one small file each, in the person's state folder.

A server whose certificate is signed by an authority is recorded too: otherwise a man in the middle could offer a
certificate of his own, as if this were the first connection.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from trio_chat.config import state_folder

SIGNED_BY_AUTHORITY = "vouched for by an authority"
"""Written into the file of a server in place of a fingerprint."""

_SIZE_MAX = 200


def fingerprint_of(digest: str) -> str:
    """Return the digest of a certificate, 64 hex digits, as it is shown and written into the file."""
    return f"SHA-256 {bytes.fromhex(digest).hex(':').upper()}"


@dataclass(frozen=True, slots=True)
class KnownServers:
    """The folder of known servers. Removing a file by hand forgets the server. Every method raises OSError."""

    folder: Path

    def file_of(self, host: str, port: int) -> Path:
        """Return the file of a server."""
        return self.folder / f"{quote(host.lower(), safe='')}_{port}"

    def load(self, host: str, port: int) -> str:
        """Return the fingerprint of a server, SIGNED_BY_AUTHORITY, or an empty string for an unknown one."""
        try:
            with self.file_of(host, port).open(encoding="utf-8-sig", errors="replace") as file:
                return file.read(_SIZE_MAX).strip()
        except FileNotFoundError:
            return ""

    def save(self, host: str, port: int, fingerprint: str) -> None:
        """Save the fingerprint of a server, or SIGNED_BY_AUTHORITY, atomically."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.file_of(host, port)
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        draft.write_text(f"{fingerprint}\n", encoding="utf-8")
        os.replace(draft, file)


def default_folder() -> Path:
    """Return the folder of this person's known servers, by the convention of the platform. Raises ConfigError."""
    return state_folder() / "known-servers"
