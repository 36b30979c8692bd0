"""The drafts that were sent before, by room, for the arrow keys. Pure."""

from collections.abc import Iterable

from trio_chat.chat.text import clean
from trio_chat.client.transcript.typed_secrets import without_secret

DRAFTS_MAX = 500
"""Drafts kept for each room."""


class SentDrafts:
    """The drafts of one room, oldest first, and the place among them."""

    def __init__(self, drafts: Iterable[str] = ()) -> None:
        self._drafts = list(drafts)[-DRAFTS_MAX:]
        self._at: int | None = None
        self._unsent = ""

    def add(self, draft: str) -> None:
        """Add a draft that is sent, or kept for later; none with a password."""
        self._at = None
        if draft and without_secret(draft) == draft and (not self._drafts or self._drafts[-1] != draft):
            self._drafts.append(draft)
            del self._drafts[:-DRAFTS_MAX]

    def containing(self, text: str) -> list[str]:
        """Return the drafts that contain a text, in any case, each once and the newest first."""
        wanted = text.casefold()
        return list(dict.fromkeys(draft for draft in reversed(self._drafts) if wanted in draft.casefold()))

    def older(self, draft: str) -> str | None:
        """Return the draft before the one that is shown; None where there is none."""
        if self._at is None:
            self._at, self._unsent = len(self._drafts), draft
        if not self._at:
            return None
        self._at -= 1
        return self._drafts[self._at]

    def newer(self) -> str | None:
        """Return the draft after the one that is shown, at last the one that was not sent; None where there is none."""
        if self._at is None:
            return None
        self._at += 1
        if self._at < len(self._drafts):
            return self._drafts[self._at]
        self._at = None
        return self._unsent


def clean_draft(draft: str) -> str:
    """Clean a draft that comes from a file, or from the server."""
    return "\n".join(map(clean, draft.split("\n")))
