"""Private messages that wait for an account, counted by sender. It must know no engine."""

from collections import Counter
from collections.abc import Iterable

from trio_chat.chat.events import Entry, Kind
from trio_chat.journal.records import Past, WaitingRecord


def waiting_in(account: str, past: Iterable[Past]) -> list[WaitingRecord]:
    """Count the private messages from others in the mailbox of an account, by sender. Damaged ones are left out."""
    drafts = [it.draft for it in past if isinstance(it, Entry)]
    told = [it for it in drafts if it.kind is Kind.TOLD and it.account != account]
    senders = Counter(draft.account or draft.session for draft in told)
    return [WaitingRecord(account, sender, number) for sender, number in senders.items()]
