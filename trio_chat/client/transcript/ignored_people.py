"""The people whom somebody ignores: by name, and by account where that is known. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

IGNORED_MAX = 1000


class _Person(Struct):
    name: str
    account: str = ""
    """The id of their account; empty as long as none is known, and for a guest."""


class IgnoredPeople:
    """Names, each with the account that speaks under it.

    Somebody with an account is ignored under every name, and nobody else because of a name that was theirs.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, _Person] = {}
        self._by_account: dict[str, _Person] = {}
        self._reconciled: Sequence[str] | None = None
        """The names when the list was last reconciled with the server's."""

    @property
    def names(self) -> list[str]:
        """The names, those added last at the end."""
        return [person.name for person in self._by_name.values()]

    @property
    def accounts(self) -> dict[str, str]:
        """The accounts that are known, by name."""
        return {person.name: person.account for person in self._by_name.values() if person.account}

    def add(self, name: str, account: str = "") -> None:
        """Ignore somebody; the account may be learned later. Beyond IGNORED_MAX, whoever was added first is dropped."""
        known = self._pop(name)
        self._put(_Person(name, account or (known.account if known else "")))
        if len(self._by_name) > IGNORED_MAX:
            self._pop(next(iter(self._by_name)))

    def add_all(self, names: Iterable[str], accounts: Mapping[str, str]) -> None:
        """Ignore people, with their accounts as far as those are known."""
        for name in names:
            self.add(name, accounts.get(name, ""))

    def remove(self, name: str) -> bool:
        """Stop ignoring somebody. -> whether they were ignored"""
        return self._pop(name) is not None

    def rename(self, before: str, after: str) -> None:
        """Follow somebody to another name."""
        if person := self._pop(before):
            self.add(after, person.account)

    def learn(self, name: str, account: str) -> None:
        """Learn whose account a name has now: of somebody who is ignored by name, or who had another name before."""
        if not account:
            return
        if (person := self._by_account.get(account)) and person.name != name:
            self.rename(person.name, name)
        elif (person := self._by_name.get(name.casefold())) and not person.account:
            self.add(name, account)

    def has(self, name: str, account: str = "") -> bool:
        """Tell whether somebody is ignored who speaks under a name, with the account of an entry."""
        if account and account in self._by_account:
            return True
        person = self._by_name.get(name.casefold())
        return person is not None and (not account or not person.account or person.account == account)

    def reconcile(self, theirs: Sequence[str]) -> bool:
        """Take over the server's list, with the changes made here since the last time. -> whether the server lacks any

        The first time the server's list counts, and ours only where it has none.
        """
        before = self._reconciled if self._reconciled is not None else self.names if theirs else ()
        added, gone = _without(self.names, before), _without(before, self.names)
        merged = [*_without(theirs, (*added, *gone)), *added]
        accounts = self.accounts
        for name in self.names:
            self.remove(name)
        self.add_all(merged, accounts)
        self._reconciled = self.names
        return {name.casefold() for name in theirs} != self._by_name.keys()

    def _put(self, person: _Person) -> None:
        self._by_name[person.name.casefold()] = person
        if person.account:
            self._by_account[person.account] = person

    def _pop(self, name: str) -> _Person | None:
        person = self._by_name.pop(name.casefold(), None)
        if person:
            self._by_account.pop(person.account, None)
        return person


def _without(names: Iterable[str], others: Collection[str]) -> list[str]:
    folded = {other.casefold() for other in others}
    return [name for name in names if name.casefold() not in folded]
