"""The Lua scripts that run inside Redis, each as one text with the functions that scripts share."""

import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files

READS_ONLY = "#!lua flags=no-writes\n"
"""The head of a script that only reads: it is answered by a Redis whose memory is full, too."""

WRITES = "#!lua\n"
"""The head of a script that writes: a Redis whose memory is full refuses it before it has written anything."""


_KEY = re.compile(r"key\('(\w+)")


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the digest by which Redis knows it once it has it."""

    name: str
    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def key_at(self, line: int) -> str:
        """Return the name of the key that a line reads or writes, counted from 1, as far as the line names it."""
        found = _KEY.search(self.text.splitlines()[line - 1]) if line else None
        return found[1] if found else "the entries of a room"


def _read(name: str, *parts: str, head: str = READS_ONLY) -> Script:
    texts = (files(__package__).joinpath(f"{part}.lua").read_text("utf-8") for part in ("prelude", *parts, name))
    return Script(name, head + "".join(texts))


@cache
def script(name: str) -> Script:
    """Return the script in the file of this name."""
    if name in _WRITING:
        return _read(name, "writing", head=WRITES)
    return _read(name, head=WRITES if name in _OTHER_WRITING else READS_ONLY)


_WRITING = frozenset({"append", "load"})
_OTHER_WRITING = frozenset(
    {
        *("open", "renew", "release", "restore_sessions", "prune", "audit", "account", "remove_account", "invite"),
        *("signal", "adopt", "take", "claim_nick", "release_nick", "mark_replicated", "restrict", "mute"),
    }
)
