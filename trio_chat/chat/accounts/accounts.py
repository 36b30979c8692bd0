"""The rules of accounts: claims, proofs, keys, passwords and invites.

Where a method is asynchronous, what it did is durable when it returns, and nothing is changed where it raises. It must
not be relied on after an `await` that a client is still there: the caller looks.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from trio_chat.chat.accounts.account import Account, AccountKey, Invite, NameProof, Where
from trio_chat.chat.accounts.names import Names


class Crypto(Protocol):
    """The libraries of cryptography, outside the loop. They are loaded at first use."""

    async def hash(self, password: str) -> str:
        """Return the Argon2 hash of a password. Raises ChatError where there is no memory or too many wait."""

    async def matches(self, hashed: str, password: str) -> bool:
        """Tell whether a password has this hash. It takes the same time for any hash. Raises ChatError likewise."""

    async def is_signed(self, key: str, signature: str, signed: bytes) -> bool:
        """Tell whether a signature (base64) over bytes was made with the key of a blob. Malformed ones were not."""

    def token(self, size_bytes: int) -> bytes:
        """Return random bytes."""


class AccountKeeper(Protocol):
    """The store of accounts and invites. What it is given is durable when it returns. All raise JournalError."""

    async def keep_account(self, account: Account, *, invite: str = "") -> None:
        """Keep an account, and take a use of the invite with this digest.

        Raises ChatError: "name-claimed" where the name belongs to another, "invite" where there is none to be used.
        """

    async def remove_account(self, account: str) -> None:
        """Delete an account, its memory and its invites."""

    async def keep_invite(self, invite: Invite) -> None:
        """Keep an invite."""

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite."""


class ListedKey(Protocol):
    """A key of the file with names: the name, its blob, and the number of its line."""

    @property
    def name(self) -> str:
        """The name that the key proves."""

    @property
    def blob(self) -> str:
        """The key."""

    @property
    def line(self) -> int:
        """The number of the line, from 1."""


class Accounts:
    """All accounts and invites of this server, and every rule about them."""

    def __init__(self, names: Names, keeper: AccountKeeper, crypto: Crypto, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self.names = names
        self._keeper = keeper
        self._crypto = crypto
        self._clock = clock

    async def prove(self, name: str, proof: NameProof, where: Where) -> Account:
        """Check a proof of a name. Raises ChatError ("proof", "slow-down")."""
        raise NotImplementedError

    async def claim(self, name: str, proof: NameProof, where: Where, *, invite: str = "") -> Account:
        """Make a name that of whoever gave the proof. `invite` is the code of one.

        Raises ChatError ("name-claimed", "proof", "invite", "too-many-names", "slow-down", and those of `check_nick`),
        and JournalError.
        """
        raise NotImplementedError

    async def add_key(self, account: str, text: str) -> AccountKey:
        """Add a key to an account, by its id. Raises ChatError ("bad-key", "too-many-keys") and JournalError."""
        raise NotImplementedError

    async def remove_key(self, account: str, which: str) -> AccountKey:
        """Remove a key by its fingerprint, and end the places that it proved. Raises ChatError and JournalError."""
        raise NotImplementedError

    async def set_password(self, account: str, password: str) -> None:
        """Set the password of an account. Raises ChatError ("bad-password", "slow-down") and JournalError."""
        raise NotImplementedError

    async def add(self, name: str, *, by: str, key: str = "") -> Account:
        """Hand a name out. Raises ChatError and JournalError."""
        raise NotImplementedError

    async def reset(self, name: str, *, by: str) -> Account:
        """Take all proofs of a name away, and end its places. Raises ChatError ("no-such-name") and JournalError."""
        raise NotImplementedError

    async def remove(self, name: str, *, by: str) -> Account:
        """Make a name free, and end its places. Raises ChatError ("no-such-name") and JournalError."""
        raise NotImplementedError

    async def make_invite(self, *, uses: int, expires_s: float, by: str, account: str = "") -> tuple[Invite, str]:
        """Make an invite. -> it, and its code, which is kept nowhere. Raises ChatError and JournalError."""
        raise NotImplementedError

    async def withdraw_invite(self, invite_id: str) -> Invite:
        """Withdraw an invite by the first 8 digits of its digest. Raises ChatError and JournalError."""
        raise NotImplementedError

    async def sync_file(self, listed: Sequence[ListedKey]) -> Sequence[str]:
        """Make the keys of the file with names those of its accounts. -> sentences about lines that had no effect"""
        raise NotImplementedError

    async def free_unseen(self) -> int:
        """Free the names that nobody has used for too long. -> how many. Raises JournalError."""
        raise NotImplementedError
