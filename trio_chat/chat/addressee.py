"""Addressees of private messages: somebody who is here, or a member who is away."""

from dataclasses import dataclass

from trio_chat.chat.client import Client
from trio_chat.chat.events import MARK


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient of a private message: label, account or "", mailbox, and a client if one is here."""

    label: str
    account: str
    mailbox: str
    client: Client | None

    @property
    def shown(self) -> str:
        """The label, with the mark of a proven name where it is one."""
        return self.label + MARK if self.account else self.label

    @property
    def is_away_member(self) -> bool:
        """True for a member with no connection in any place, who reads it on proving the name again."""
        return bool(self.account) and (self.client is None or self.client.away_since is not None)
