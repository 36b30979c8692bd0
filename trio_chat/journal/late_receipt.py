"""The receipt of drafts that are posted later than it is given."""

from collections.abc import Iterable

import trio

from trio_chat.chat.events import Draft, Entry, Receipt


class LateReceipt:
    """Settles with the receipt of another post. It is a HeldReceipt."""

    __slots__ = ("_is_posted", "_receipt", "_superseded")

    def __init__(self) -> None:
        self._is_posted = trio.Event()
        self._receipt: Receipt | None = None
        self._superseded: dict[tuple[str, str], Entry] = {}

    @property
    def error(self) -> str | None:
        """The reason why it could not be kept, once that is known."""
        return self._receipt.error if self._receipt else None

    @property
    def is_settled(self) -> bool:
        """True once it is durable, or could not be kept."""
        return self._receipt is not None and self._receipt.is_settled

    def settle_with(self, receipt: Receipt, superseded: Iterable[Draft] = ()) -> None:
        """Settle when `receipt` does. With it, the `superseded` drafts are kept."""
        self._receipt = receipt
        self._superseded = {(draft.session, draft.key): Entry(0, 0.0, draft) for draft in superseded}
        self._is_posted.set()

    async def kept(self) -> None:
        """Return when the drafts are durable; raise JournalError when they could not be kept."""
        await self._is_posted.wait()
        if self._receipt:
            await self._receipt.kept()

    def repeated(self, session: str, key: str) -> Entry | None:
        """After `kept`: the entry that stands for the draft of this session and key, or None for its own.

        The id and time of one in the room SUPERSEDED are not known here: they are 0.
        """
        found = self._receipt.repeated(session, key) if self._receipt else None
        return found or self._superseded.get((session, key))
