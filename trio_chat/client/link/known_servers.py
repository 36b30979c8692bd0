"""Which servers are known by their certificates: one small file for each, in the person's state folder.

A server whose certificate an authority vouches for needs none of this, but it is remembered that one did: else whoever
sits in between could offer a certificate of their own as if it were the first.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from platformdirs import user_state_path

VOUCHED = "vouched for by an authority"
"""Stands in the file of a server in place of a fingerprint."""

_SIZE_MAX = 200


@dataclass(frozen=True, slots=True)
class KnownServers:
    """The folder. Its files may be removed by hand: that forgets the server. Every method raises OSError."""

    folder: Path

    def file_of(self, host: str, port: int) -> Path:
        """Say where a server is remembered."""
        return self.folder / f"{quote(host.lower(), safe='')}_{port}"

    def recall(self, host: str, port: int) -> str:
        """Return what is remembered of a server, or nothing."""
        try:
            with self.file_of(host, port).open(encoding="utf-8", errors="replace") as file:
                return file.read(_SIZE_MAX).strip()
        except FileNotFoundError:
            return ""

    def remember(self, host: str, port: int, what: str) -> None:
        """Remember a server, whole or not at all."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.file_of(host, port)
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        draft.write_text(f"{what}\n", encoding="utf-8")
        os.replace(draft, file)


def default_folder() -> Path:
    """Return where this person's known servers are, by the convention of the platform."""
    return user_state_path("trio-chat", appauthor=False) / "known-servers"
