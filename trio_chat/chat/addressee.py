"""Addressees of private messages: somebody who is here, or a member who is away."""

from dataclasses import dataclass

from trio_chat.chat.client import Client


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient of a private message: label, account or "", mailbox, and a client if one is here."""

    label: str
    account: str
    mailbox: str
    client: Client | None
