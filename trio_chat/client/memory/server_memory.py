"""The memory of a server: the rooms that somebody was in, whom they ignore, how far they have read. One file each."""

from pathlib import Path

import msgspec

from trio_chat.client.memory.records import IGNORED_MAX, NAME_MAX, PEOPLE_MAX, ROOMS_MAX, Remembered, merge
from trio_chat.client.memory.state_file import DAMAGED, file_stem, locked, read_file, replace_file, set_aside
from trio_chat.config import state_folder

SIZE_MAX = 1024 * 1024
"""Bytes of a file: ROOMS_MAX rooms with their marks, and twice IGNORED_MAX names of NAME_MAX characters of 3 bytes."""

_decoder = msgspec.json.Decoder(Remembered)


class ServerMemory:
    """A file, or nothing where it cannot be used.

    `remembered` is what was found or saved last; `warning` is one line for the person about what was wrong with the
    file.
    """

    def __init__(self, server: str, *, folder: Path | None = None) -> None:
        """Read the memory of a server; where it is damaged, it is set aside. Raises ConfigError."""
        self.file = (folder or state_folder()) / "servers" / f"{file_stem(server)}.json"
        self.remembered = Remembered()
        self.warning = ""
        self._works = True
        try:
            self.remembered = self._read()
        except OSError as error:
            self._give_up(error)

    def start_in(self, rooms: tuple[str, ...]) -> None:
        """Take `rooms` for those of the start: other rooms stay remembered, although they are not joined this time."""
        self.remembered = msgspec.structs.replace(self.remembered, rooms=rooms)

    def save(self, now: Remembered) -> None:
        """Save what has changed. Another client may have saved other changes: they stay. Warns where it cannot."""
        if not self._works or now == self.remembered:
            return
        try:
            with locked(self.file):
                merged = merge(self._read(), before=self.remembered, now=now)
                replace_file(self.file, msgspec.json.format(msgspec.json.encode(merged), indent=1) + b"\n")
        except OSError as error:
            self._give_up(error)
        self.remembered = now

    def _read(self) -> Remembered:
        """Return what the file has. Raises OSError."""
        data = read_file(self.file, SIZE_MAX)
        try:
            return _valid(_decoder.decode(data)) if data.strip() else Remembered()
        except DAMAGED:
            aside = set_aside(self.file)
        self.warning = f"{self.file}, where your rooms are remembered, is damaged: it is now {aside}"
        return Remembered()

    def _give_up(self, error: OSError) -> None:
        self._works = False
        self.warning = f"rooms cannot be remembered in {self.file}: {error.strerror or error}"


def _valid(found: Remembered) -> Remembered:
    """Raise ValueError where there is more than any client would save."""
    ignored = (*found.ignored, *found.ignored_accounts, *found.ignored_accounts.values())
    names = (*found.rooms, *found.marks, *found.muted, *found.people, *ignored)
    ignored_most = max(len(found.ignored), len(found.ignored_accounts))
    rooms_most = max(len(found.rooms), len(found.marks), len(found.muted))
    if rooms_most > ROOMS_MAX or ignored_most > IGNORED_MAX or len(found.people) > PEOPLE_MAX:
        raise ValueError("too many")
    if any(not 0 < len(name) <= NAME_MAX for name in names) or max(len(found.epoch), len(found.name)) > NAME_MAX:
        raise ValueError("too long")
    return found
