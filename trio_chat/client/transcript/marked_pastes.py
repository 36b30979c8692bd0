"""Pastes that the terminal marks (bracketed paste) among what is typed: each becomes one piece. Pure."""

from collections import deque

from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX

_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"

PASTE_BYTES_MAX = 4 * DRAFT_CHARS_MAX
"""Bytes of a paste that are kept. One of more has too many characters for a draft, as what is kept of it has."""


class MarkedPastes:
    """Collects pastes. A step takes time for the bytes that have come, not for those of the paste before them."""

    def __init__(self) -> None:
        self._begun: bytearray | None = None
        """The paste whose end is awaited."""
        self._texts: deque[str] = deque()

    def take_out(self, typed: bytes) -> bytes:
        """Return what was typed, with an empty paste in the place of each; the beginning of one is kept."""
        keys = b""
        while typed:
            if self._begun is not None:
                end, typed = self._collect(self._begun, typed)
                keys += end
                continue
            before, begin, typed = typed.partition(_BEGIN)
            keys += before
            if begin:
                self._begun = bytearray()
        return keys

    def bounded(self, typed: str) -> str:
        """Return what was typed, with each paste in one piece: of one whose end has not come yet, nothing.

        For prompt_toolkit, which would keep a paste without end, and search all of it again with each read.
        """
        before, *others = self.take_out(typed.encode(errors="surrogateescape")).split(_BEGIN + _END)
        pieces = [before, *(_BEGIN + self.next_text().encode() + _END + keys for keys in others)]
        return b"".join(pieces).decode(errors="surrogateescape")

    def next_text(self) -> str:
        """Return the text of the paste whose key comes next."""
        return self._texts.popleft() if self._texts else ""

    def _collect(self, paste: bytearray, typed: bytes) -> tuple[bytes, bytes]:
        """Add to a paste. -> the key of it where that has ended, and what was typed after it"""
        tail_at = max(len(paste) - len(_END) + 1, 0)  # the end may have begun
        paste += typed
        end_at = paste.find(_END, tail_at)
        if end_at < 0:
            del paste[PASTE_BYTES_MAX + 1 : -len(_END)]
            return b"", b""
        self._begun = None
        if not end_at:
            return b"", bytes(paste[len(_END) :])
        self._texts.append(paste[:end_at].decode(errors="replace"))
        return _BEGIN + _END, bytes(paste[end_at + len(_END) :])
