"""The rules of accounts: claims, proofs, keys, passwords and invites.

Where a method is asynchronous, what it did is durable when it returns, and nothing is changed where it raises. It must
not be relied on after an `await` that a client is still there: the caller looks.
"""

from base64 import b32encode
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from trio_chat.chat.accounts.account import (
    Account,
    AccountKey,
    Invite,
    KeyProof,
    KeySource,
    NameProof,
    PasswordProof,
    ProofConnection,
    by_key,
    checked_key,
    is_blob,
)
from trio_chat.chat.accounts.attempts import Attempts
from trio_chat.chat.accounts.names import Names
from trio_chat.chat.accounts.proof import Purpose, message_of, signed_bytes
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import GUEST_PREFIX, check_nick, fold_name
from trio_chat.chat.text import excerpt

PASSWORD_MIN, PASSWORD_MAX = 8, 128
"""Characters of a password."""

KEYS_MAX = 20
"""Keys of an account."""

NAMES_PER_KEY = 3
NAMES_MAX = 20_000
INVITES_MAX = 1_000
USES_MAX = 1_000

EXPIRES_MIN_S, EXPIRES_MAX_S = 60.0, 366 * 86400.0

AT_ONCE_PER_ORIGIN = 16
"""Passwords of one address that are checked or wait for that."""

LISTED_PER_TURN = 100
"""Names in one turn of the loop."""

DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=1$dHJpby1jaGF0LWR1bW15IQ$pyBuQHyVjoVJFcnTVh8S4N9X5lrbVNAwaR4eWfAL5i0"
"""The hash of a password that nobody knows, checked where a name has none: so the time of an answer tells nothing."""

WRONG_PASSWORD = "that name and password do not belong together"

_KEY_GONE = "the key with which you proved your name was removed"
_NAME_GONE = "your name was taken back by an operator"
_NAME_RESET = "an operator has reset your name: ask for the invite that gives it back to you"

CODE_BYTES = 16
_ID_CHARS = 8


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


class AccountPlaces(Protocol):
    """The places of accounts, as the accounts see them."""

    def of(self, account: str) -> Sequence[object]:
        """Return the places of an account."""

    def end(self, account: str, text: str, *, proven_by: str = "") -> int:
        """End the places of an account, or those with this proof alone. -> how many. `text` tells them why."""

    def evict_guest(self, name: str) -> None:
        """Disconnect the guest who has a name that belongs to somebody now."""

    def forget_waiting(self, account: str) -> None:
        """Count no more messages that wait for an account, which was removed."""


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

    def __init__(
        self,
        names: Names,
        keeper: AccountKeeper,
        crypto: Crypto,
        clock: Callable[[], float],
        *,
        places: AccountPlaces,
        reserved_nicks: Container[str],
        sleep: Callable[[float], Awaitable[object]],
        invites: Iterable[Invite] = (),
    ) -> None:
        """`clock` gives seconds since 1970, and `sleep` waits for seconds. `invites` are those kept.

        `reserved_nicks` are those of programs of operators, folded.
        """
        self.names = names
        self.invites = {invite.digest: invite for invite in invites}
        """The invites by digest, those too that have expired."""
        self._keeper = keeper
        self._crypto = crypto
        self._clock = clock
        self._places = places
        self._reserved_nicks = reserved_nicks
        self._sleep = sleep
        self._passwords = Attempts(burst=5, every_s=20, wait_max_s=30)
        self._claims = Attempts(burst=5, every_s=86400 / 5, wait_max_s=0)
        self._checking: Counter[int] = Counter()
        """Passwords that are being checked, by origin."""
        self._changing: set[str] = set()
        """Accounts of which a change is being kept."""

    # Proofs

    async def prove(self, name: str, proof: NameProof, connection: ProofConnection) -> Account:
        """Check a proof of a name. Raises ChatError ("proof", "slow-down").

        Passwords over connections that others may read are refused before, by the session.
        """
        if isinstance(proof, KeyProof):
            await self._check_signature("login", name, proof, connection)
            account = self.names.owner_of(name)
            if account is None or all(key.blob != proof.key for key in account.keys):
                raise _no_proof(name)
        else:
            account = await self._check_password(name, proof, connection)
        return account

    async def claim(self, name: str, proof: NameProof, connection: ProofConnection, *, invite: str = "") -> Account:
        """Register a name for the one who gave the proof. `invite` is the code of one.

        Raises ChatError ("name-claimed", "proof", "invite", "too-many-names", "slow-down", and those of `check_nick`),
        and JournalError.
        """
        name = self._claimable(name)
        if isinstance(proof, KeyProof):
            await self._check_signature("claim", name, proof, connection)
            owner = self.names.owner_of(name)
            if owner and any(key.blob == proof.key for key in owner.keys):
                return owner
        else:
            _check_password_length(proof.password)
        used = self._usable(invite) if invite else None
        if used and used.account:
            return await self._take_over(used, name, proof)
        with self._reserved(name):
            if isinstance(proof, KeyProof):
                self._check_names_of(proof.key)
            if not used:
                self._charge_claim(connection)
            account = self._new(name, by="invite" if used else "own")
            account = await self._with_proof(account, proof, "invite" if used else "own")
            await self._keeper.keep_account(account, invite=used.digest if used else "")
            self._count_use(used)
            self.names.put(account)
        return account

    # Changes by the owner

    async def add_key(self, account: str, text: str) -> AccountKey:
        """Add a key to an account, by its id. Raises ChatError ("bad-key", "too-many-keys") and JournalError."""
        blob = checked_key(text)
        with self._change(account) as former:
            for key in former.keys:
                if key.blob == blob:
                    return key
            if len(former.keys) >= KEYS_MAX:
                raise ChatError("too-many-keys", f"a name has at most {KEYS_MAX} keys: remove one first")
            key = AccountKey(blob, self._clock(), "added")
            await self._keep(replace(former, keys=(*former.keys, key)))
        return key

    async def remove_key(self, account: str, which: str) -> AccountKey:
        """Remove a key by its fingerprint, and end the places that it proved. Raises ChatError and JournalError."""
        with self._change(account) as former:
            found = [key for key in former.keys if which in (key.fingerprint, key.blob)]
            if not found:
                raise ChatError("no-such-key", f"there is no key {excerpt(which, 64)}: /keys lists them")
            key = found[0]
            others = tuple(it for it in former.keys if it is not key)
            if not (others or former.password):
                raise ChatError(
                    "last-proof", "that is the only proof of your name: add another key or a password first"
                )
            await self._keep(replace(former, keys=others))
            self._places.end(account, _KEY_GONE, proven_by=by_key(key.blob))
        return key

    async def set_password(self, account: str, password: str) -> None:
        """Set the password of an account. Raises ChatError ("bad-password", "slow-down") and JournalError."""
        _check_password_length(password)
        with self._change(account) as former:
            await self._keep(replace(former, password=await self._crypto.hash(password)))

    async def note_seen(self, account: str, *, every_s: float = 3600.0) -> None:
        """Note that the owner of an account is here, at most once in so many seconds. Raises JournalError."""
        former, now = self.names.by_id(account), self._clock()
        if former and account not in self._changing and not 0 <= now - former.seen < every_s:
            with self._change(account):
                await self._keep(replace(former, seen=now))

    # Operators

    async def add(self, name: str, *, by: str, key: str = "") -> Account:
        """Hand a name out. `by` is the operator who does. Raises ChatError and JournalError."""
        name = self._claimable(name)
        blob = checked_key(key) if key else ""
        with self._reserved(name):
            account = self._new(name, by=by)
            if blob:
                self._check_names_of(blob)
                account = replace(account, keys=(AccountKey(blob, account.since, "operator"),))
            await self._hand_out(account)
        return account

    async def reset(self, name: str) -> Account:
        """Take all proofs of a name away, and end its places. Raises ChatError ("no-such-name") and JournalError."""
        with self._change(self.owned(name).id) as former:
            account = replace(former, keys=(), password="")
            await self._keep(account)
            self._places.end(account.id, _NAME_RESET)
        return account

    async def remove(self, name: str) -> Account:
        """Make a name free, and end its places. Raises ChatError ("no-such-name") and JournalError."""
        with self._change(self.owned(name).id) as account:
            await self._remove(account)
        return account

    def owned(self, name: str) -> Account:
        """Return the account that has a name, in whatever spelling. Raises ChatError ("no-such-name")."""
        if account := self.names.owner_of(name):
            return account
        raise ChatError("no-such-name", f"nobody owns the name {excerpt(name)}")

    async def make_invite(self, *, uses: int, expires_s: float, by: str, account: str = "") -> tuple[Invite, str]:
        """Make an invite. -> it, and its code, which is kept nowhere. Raises ChatError and JournalError."""
        if not 1 <= uses <= USES_MAX:
            raise ChatError("usage", f"an invite has 1 to {USES_MAX} uses")
        if not EXPIRES_MIN_S <= expires_s <= EXPIRES_MAX_S:
            raise ChatError("usage", "an invite expires after a minute at the earliest and a year at the latest")
        await self._forget_expired()
        if len(self.invites) >= INVITES_MAX:
            raise ChatError("too-many-invites", f"there are {INVITES_MAX} invites already: withdraw some")
        code = b32encode(self._crypto.token(CODE_BYTES)).decode().rstrip("=").lower()
        now = self._clock()
        invite = Invite(digest_of(code), account, uses, by, now, now + expires_s)
        await self._keeper.keep_invite(invite)
        self.invites[invite.digest] = invite
        return invite, code

    async def withdraw_invite(self, invite_id: str) -> Invite:
        """Withdraw an invite by the first 8 digits of its digest. Raises ChatError and JournalError."""
        found = [invite for invite in self.invites.values() if id_of(invite) == invite_id]
        if not found:
            raise ChatError("no-such-invite", f"there is no invite {excerpt(invite_id)}")
        await self._keeper.remove_invite(found[0].digest)
        self.invites.pop(found[0].digest, None)
        return found[0]

    async def sync_file(self, listed: Sequence[ListedKey]) -> Sequence[str]:
        """Make the keys of the file with names those of its accounts. -> sentences about lines that had no effect"""
        sentences: list[str] = []
        wanted: dict[str, list[ListedKey]] = {}
        for turn, key in enumerate(listed, 1):
            wanted.setdefault(fold_name(key.name), []).append(key)
            await self._give_way(turn)
        for turn, keys in enumerate(wanted.values(), 1):
            try:
                await self._sync_name(keys)
            except ChatError as error:
                sentences.append(f"names-file line {keys[0].line}: {error.text}")
            await self._give_way(turn)
        for turn, account in enumerate(self.names, 1):
            if account.by == "file" and fold_name(account.name) not in wanted:
                try:
                    await self._set_listed_keys(account.id, [])
                except ChatError as error:
                    sentences.append(f"names-file: {account.name}: {error.text}")
            await self._give_way(turn)
        return sentences

    async def free_unseen(self, unseen_s: float) -> Sequence[Account]:
        """Free the names that nobody has used for so many seconds. -> their accounts. Raises JournalError."""
        before = self._clock() - unseen_s
        freed: list[Account] = []
        for account in self.names:
            is_listed = any(key.source == "file" for key in account.keys)
            if account.seen >= before or is_listed or self._places.of(account.id):
                continue
            if account.id not in self._changing:
                with self._change(account.id):
                    await self._remove(account)
                freed.append(account)
        return freed

    async def sync(self, accounts: Iterable[Account], invites: Iterable[Invite]) -> bool:
        """Take over the accounts and invites in the store, which another server has changed. -> whether that is all

        Names that change here meanwhile stay as they are, and those that are being claimed: they must be read again.
        """
        self.invites = {invite.digest: invite for invite in invites}
        kept, former = {it.id: it for it in accounts}, {it.id: it for it in self.names}
        is_complete = True
        for turn, id_ in enumerate(dict.fromkeys((*former, *kept)), 1):
            account, before = kept.get(id_), former.get(id_)
            if id_ in self._changing or self.names.by_id(id_) is not before:
                is_complete = False
            elif account is None:
                self.names.remove(id_)
                self._places.end(id_, _NAME_GONE)
            elif before is None and self.names.is_reserved(account.name):
                is_complete = False  # its guest, who may be the one that claims it, would be put out
            else:
                self._sync_account(account)
            await self._give_way(turn)
        return is_complete

    # Inside

    async def _check_signature(self, purpose: Purpose, name: str, proof: KeyProof, connection: ProofConnection) -> None:
        """Check that the key of a proof has signed it for this connection. Raises ChatError."""
        if not (connection.nonce and is_blob(proof.key)):
            raise _no_proof(name)
        name = check_nick(name)
        message = message_of(
            purpose, epoch=connection.epoch, nonce=connection.nonce, name=name, binding=connection.binding
        )
        if not await self._crypto.is_signed(proof.key, proof.signature, signed_bytes(message)):
            raise _no_proof(name)

    async def _check_password(self, name: str, proof: PasswordProof, connection: ProofConnection) -> Account:
        """Return the account of a name and password. A wrong name takes as long as a wrong password, and is told so."""
        password = proof.password if len(proof.password) <= PASSWORD_MAX else ""
        keys = [("name", fold_name(name[:PASSWORD_MAX]))]
        if connection.origin >= 0:
            keys.append(("origin", str(connection.origin)))
        with self._queued(connection.origin):
            if wait_s := self._passwords.begin(keys, self._clock()):
                await self._sleep(wait_s)
            account = self.names.owner_of(name)
            hashed = account.password if account and account.password else DUMMY_HASH
            is_right = await self._crypto.matches(hashed, password)
        now = self.names.by_id(account.id) if account else None  # it may have changed meanwhile
        if not is_right or now is None or now.password != hashed:
            raise ChatError("proof", WRONG_PASSWORD)
        self._passwords.give_back(keys)
        return now

    @contextmanager
    def _queued(self, origin: int) -> Iterator[None]:
        """Count a password that is being checked. Raises ChatError where the address has too many."""
        if origin >= 0 and self._checking[origin] >= AT_ONCE_PER_ORIGIN:
            raise ChatError("slow-down", "too many passwords of your address are being checked: try again in a while")
        self._checking[origin] += 1
        try:
            yield
        finally:
            self._checking[origin] -= 1
            if not self._checking[origin]:
                del self._checking[origin]

    def _claimable(self, name: str) -> str:
        """Check that a name can be claimed by somebody. -> it. Raises ChatError."""
        name = check_nick(name)
        if fold_name(name).startswith(fold_name(GUEST_PREFIX)):
            raise ChatError("reserved-nick", f"names that begin with {GUEST_PREFIX} are for guests: take another")
        if fold_name(name) in self._reserved_nicks:
            raise ChatError("reserved-nick", f"the nick {name} is reserved for a program that speaks under it")
        return name

    @contextmanager
    def _reserved(self, name: str) -> Iterator[None]:
        """Let nobody else claim a name meanwhile. Raises ChatError ("name-claimed", "too-many-names")."""
        if len(self.names) >= NAMES_MAX:
            raise ChatError("too-many-names", "this server has as many names as it may have")
        folded = fold_name(name)
        self.names.reserve(folded)
        try:
            yield
        finally:
            self.names.release(folded)

    def _check_names_of(self, blob: str) -> None:
        """Raise ChatError where a key has claimed as many names as it may, or was given them.

        A key that was added by `/key add` counts for none: public keys are public, and anybody could use up another's.
        """
        keys = (key for account in self.names.with_key(blob) for key in account.keys)
        if sum(key.blob == blob and key.source != "added" for key in keys) >= NAMES_PER_KEY:
            raise ChatError("too-many-names", f"that key proves {NAMES_PER_KEY} names already")

    def _charge_claim(self, connection: ProofConnection) -> None:
        """Raise ChatError where an address has claimed as many names as it may."""
        if connection.origin >= 0:
            try:
                self._claims.begin([connection.origin], self._clock())
            except ChatError:
                raise ChatError("slow-down", "your address has claimed 5 names: more can be claimed later") from None

    def _new(self, name: str, *, by: str) -> Account:
        now = self._clock()
        return Account(self._crypto.token(8).hex(), name, now, now, by)

    async def _with_proof(self, account: Account, proof: NameProof, source: KeySource) -> Account:
        if isinstance(proof, KeyProof):
            return replace(account, keys=(*account.keys, AccountKey(proof.key, self._clock(), source)))
        return replace(account, password=await self._crypto.hash(proof.password))

    async def _take_over(self, invite: Invite, name: str, proof: NameProof) -> Account:
        """Give an account, for which an invite was made, its proof."""
        with self._change(invite.account) as former:
            if fold_name(former.name) != fold_name(name):
                raise ChatError("invite", f"that invite is for the name {former.name}")
            account = await self._with_proof(replace(former, seen=self._clock()), proof, "invite")
            await self._keeper.keep_account(account, invite=invite.digest)
            self._count_use(invite)
            self.names.put(account)
        return account

    def _usable(self, code: str) -> Invite:
        """Find an invite by its code. Raises ChatError."""
        invite = self.invites.get(digest_of(code))
        if invite is None or invite.until <= self._clock() or invite.uses < 1:
            raise ChatError("invite", "that invite is not known, or was used, or has expired: ask for another")
        return invite

    def _count_use(self, invite: Invite | None) -> None:
        if invite and (now := self.invites.get(invite.digest)):
            self.invites[invite.digest] = replace(now, uses=now.uses - 1)

    async def _forget_expired(self) -> None:
        now = self._clock()
        for invite in [it for it in self.invites.values() if it.until <= now or it.uses < 1]:
            await self._keeper.remove_invite(invite.digest)
            self.invites.pop(invite.digest, None)

    def _sync_account(self, account: Account) -> None:
        former = self.names.by_id(account.id)
        if former == account:
            return
        self.names.put(account)
        if former is None:
            self._places.evict_guest(account.name)
            return
        blobs = {key.blob for key in account.keys}
        for key in former.keys:
            if key.blob not in blobs:
                self._places.end(account.id, _KEY_GONE, proven_by=by_key(key.blob))

    @contextmanager
    def _change(self, account: str) -> Iterator[Account]:
        """Let nobody else change an account meanwhile. Raises ChatError where somebody does, and where it is gone."""
        if account in self._changing:
            raise ChatError("slow-down", "another change of that name is being kept: try again")
        if (former := self.names.by_id(account)) is None:
            raise ChatError("no-such-name", "that name is nobody's any more")
        self._changing.add(account)
        try:
            yield former
        finally:
            self._changing.discard(account)

    async def _keep(self, account: Account) -> None:
        await self._keeper.keep_account(account)
        self.names.put(account)

    async def _hand_out(self, account: Account) -> None:
        await self._keep(account)
        self._places.evict_guest(account.name)

    async def _remove(self, account: Account) -> None:
        await self._keeper.remove_account(account.id)
        self.names.remove(account.id)
        for invite in [it for it in self.invites.values() if it.account == account.id]:
            del self.invites[invite.digest]
        self._places.end(account.id, _NAME_GONE)
        self._places.forget_waiting(account.id)

    async def _give_way(self, turn: int) -> None:
        """Let others have their turn of the loop now and then."""
        if turn % LISTED_PER_TURN == 0:
            await self._sleep(0)

    async def _sync_name(self, keys: Sequence[ListedKey]) -> None:
        """Give a name of the file these keys. Raises ChatError where that has no effect."""
        name, blobs = keys[0].name, list(dict.fromkeys(key.blob for key in keys))[:KEYS_MAX]
        owner = self.names.owner_of(name)
        if owner is None:
            name = self._claimable(name)
            with self._reserved(name):
                await self._hand_out(replace(self._new(name, by="file"), keys=self._listed_keys(blobs)))
        elif owner.by == "file":
            await self._set_listed_keys(owner.id, blobs)
        elif not any(key.blob in blobs and key.source != "added" for key in owner.keys):
            # Whoever claimed it may have added the public key of the one to whom the operator hands it out.
            raise ChatError("name-claimed", f"{name} belongs to somebody: trio-chat names reset {owner.name}")

    def _listed_keys(self, blobs: Iterable[str]) -> tuple[AccountKey, ...]:
        now = self._clock()
        return tuple(AccountKey(blob, now, "file") for blob in blobs)

    async def _set_listed_keys(self, account: str, blobs: Sequence[str]) -> None:
        """Make these the keys that an account has from the file, and end the places of those that went."""
        with self._change(account) as former:
            listed = {key.blob: key for key in former.keys if key.source == "file"}
            if set(listed) == set(blobs):
                return
            own = tuple(key for key in former.keys if key.source != "file")
            new = tuple(listed.get(blob) or AccountKey(blob, self._clock(), "file") for blob in blobs)
            await self._keep(replace(former, keys=(*own, *new)))
            for blob, key in listed.items():
                if blob not in blobs:
                    self._places.end(account, _KEY_GONE, proven_by=by_key(key.blob))


def digest_of(code: str) -> str:
    """Return the digest under which the invite with a code is kept."""
    return sha256(code.encode()).hexdigest()


def id_of(invite: Invite) -> str:
    """Return the id of an invite, as operators see it."""
    return invite.digest[:_ID_CHARS]


def _no_proof(name: str) -> ChatError:
    return ChatError("proof", f"that does not prove that [{excerpt(name)}] is yours")


def _check_password_length(password: str) -> None:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise ChatError("bad-password", f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
