"""Conversations: the private messages in a mailbox to and from one other. For engines that compare entries."""

from trio_chat.chat.events import Draft, Kind


def is_with(draft: Draft, account: str, name: str) -> bool:
    """Tell whether a draft is a private message to or from an account, or else a guest of a name in lower case."""
    if draft.kind is not Kind.TOLD:
        return False
    if account:
        return account in (draft.account, draft.to_account)
    return (not draft.account and lower(draft.author) == name) or (not draft.to_account and lower(draft.to) == name)


def lower(text: str) -> str:
    """Return a text with its ASCII letters in lower case, as SQLite's `lower` does."""
    return "".join(char.lower() if char.isascii() else char for char in text)
