"""All accounts in memory: found by id, by name in any spelling, and by key.

Nothing here waits, so a rule is checked and applied in one step.
"""

from collections.abc import Iterable, Iterator, Sequence

from trio_chat.chat.accounts.account import Account
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import fold_name


class Names:
    """The accounts, and the names that are being claimed just now."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        """`accounts` are those kept, oldest first: of two whose names count as one, the older has it."""
        self._by_id: dict[str, Account] = {}
        self._by_folded: dict[str, Account] = {}
        self._by_key: dict[str, dict[str, Account]] = {}
        self._reserved: set[str] = set()
        self.changes = 0
        """The number of changes so far."""
        for account in accounts:
            self.put(account)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Account]:
        """Yield all accounts, the longest known first. They may change meanwhile."""
        return iter(tuple(self._by_id.values()))

    def owner_of(self, nick: str) -> Account | None:
        """The account to which a nick belongs, in whatever spelling."""
        return self._by_folded.get(fold_name(nick))

    def by_id(self, account: str) -> Account | None:
        """The account with this id."""
        return self._by_id.get(account)

    def with_key(self, blob: str) -> Sequence[Account]:
        """The accounts that have this key."""
        return tuple(self._by_key.get(blob, {}).values())

    def reserve(self, folded: str) -> None:
        """Reserve a folded name for a claim, until `release`. Raises ChatError where it is claimed or reserved."""
        if folded in self._by_folded or folded in self._reserved:
            raise ChatError("name-claimed", "that name belongs to somebody")
        self._reserved.add(folded)

    def is_reserved(self, nick: str) -> bool:
        """Tell whether a nick, in whatever spelling, is being claimed."""
        return bool(self._reserved) and fold_name(nick) in self._reserved

    def release(self, folded: str) -> None:
        """End a reservation, after the claim was kept or failed."""
        self._reserved.discard(folded)

    def put(self, account: Account) -> None:
        """Add an account, or change the one with its id."""
        self.remove(account.id)
        self.changes += 1
        self._by_id[account.id] = account
        self._by_folded.setdefault(fold_name(account.name), account)
        for key in account.keys:
            self._by_key.setdefault(key.blob, {})[account.id] = account

    def remove(self, account: str) -> None:
        """Remove the account with this id, if there is one. Its name is free then."""
        if (former := self._by_id.pop(account, None)) is None:
            return
        self.changes += 1
        folded = fold_name(former.name)
        if self._by_folded.get(folded) is former:
            del self._by_folded[folded]
        for key in former.keys:
            others = self._by_key.get(key.blob, {})
            others.pop(account, None)
            if not others:
                self._by_key.pop(key.blob, None)
