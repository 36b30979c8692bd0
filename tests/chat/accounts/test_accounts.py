"""Claims, proofs, keys, passwords, invites and the file with names, with a store and a cryptography of this test."""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

import pytest

from trio_chat.chat.accounts.account import (
    Account,
    AccountKey,
    Invite,
    KeyProof,
    PasswordProof,
    ProofConnection,
    by_key,
)
from trio_chat.chat.accounts.accounts import (
    AT_ONCE_PER_ORIGIN,
    DUMMY_HASH,
    KEYS_MAX,
    LISTED_PER_TURN,
    NAMES_PER_KEY,
    PASSWORD_MAX,
    PASSWORD_MIN,
    Accounts,
    digest_of,
    id_of,
)
from trio_chat.chat.accounts.names import Names
from trio_chat.chat.accounts.proof import message_of, signed_bytes
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import fold_name
from trio_chat.journal import JournalError

HERE = ProofConnection(origin=7, address="192.0.2.7", is_private=True, binding="-", nonce="n" * 64, epoch="e1")
LOOPBACK = replace(HERE, origin=-1, address="127.0.0.1")


folded = cache(fold_name)


def blob(number: int) -> str:
    return b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + number.to_bytes(32)).decode()


class FakeCrypto:
    """A hash that can be read, and signatures that are what was signed."""

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self._numbers = count(1)

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def matches(self, hashed: str, password: str) -> bool:
        self.hashes.append(hashed)
        return hashed == f"hash of {password}"

    async def is_signed(self, key: str, signature: str, signed: bytes) -> bool:
        return signature == key + signed.hex()

    def token(self, size_bytes: int) -> bytes:
        return next(self._numbers).to_bytes(size_bytes)


@dataclass
class Store:
    """Durable accounts and invites, and a fault that refuses changes."""

    accounts: dict[str, Account] = field(default_factory=dict)
    invites: dict[str, Invite] = field(default_factory=dict)
    is_broken: bool = False

    def _check(self) -> None:
        if self.is_broken:
            raise JournalError("the disk is full")

    async def keep_account(self, account: Account, *, invite: str = "") -> None:
        self._check()
        name = folded(account.name)
        if any(folded(it.name) == name and it.id != account.id for it in self.accounts.values()):
            raise ChatError("name-claimed", "taken")
        if invite:
            kept = self.invites[invite]
            if kept.uses < 1:
                raise ChatError("invite", "spent")
            self.invites[invite] = replace(kept, uses=kept.uses - 1)
        self.accounts[account.id] = account

    async def remove_account(self, account: str) -> None:
        self._check()
        del self.accounts[account]

    async def keep_invite(self, invite: Invite) -> None:
        self._check()
        self.invites[invite.digest] = invite

    async def remove_invite(self, digest: str) -> None:
        self._check()
        del self.invites[digest]


@dataclass
class FakePlaces:
    """Accounts that are here, and the ends that were asked for."""

    here: set[str] = field(default_factory=set)
    ended: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def of(self, account: str) -> Sequence[object]:
        return [account] if account in self.here else []

    def end(self, account: str, text: str, *, proven_by: str = "") -> int:
        assert text
        self.ended.append((account, proven_by))
        self.told.append(text)
        return 0

    def evict_guest(self, name: str) -> None:
        self.evicted.append(name)

    def forget_waiting(self, account: str) -> None:
        self.forgotten.append(account)


class World:
    """Accounts, and everything around them."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()
        self.on_sleep: Callable[[], Awaitable[object]] | None = None
        self.store, self.crypto, self.places = Store(), FakeCrypto(), FakePlaces()
        self.accounts = Accounts(
            Names(),
            self.store,
            self.crypto,
            lambda: self.now,
            places=self.places,
            reserved_nicks={fold_name("deploy")},
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.on_sleep:
            await self.on_sleep()

    def signed(self, number: int, name: str, purpose: Any = "login", connection: ProofConnection = HERE) -> KeyProof:
        message = message_of(
            purpose, epoch=connection.epoch, nonce=connection.nonce, name=name, binding=connection.binding
        )
        return KeyProof(blob(number), blob(number) + signed_bytes(message).hex())

    async def claim(
        self, name: str, number: int = 0, *, password: str = "", connection: ProofConnection = LOOPBACK, **more: str
    ) -> Account:
        proof = PasswordProof(password) if password else self.signed(number, name, "claim", connection)
        return await self.accounts.claim(name, proof, connection, **more)

    def is_durable(self) -> bool:
        """Tell whether memory and store agree."""
        return {it.id: it for it in self.accounts.names} == self.store.accounts


@pytest.fixture
def world() -> World:
    return World()


async def refused(call: Any, code: str) -> ChatError:
    with pytest.raises(ChatError) as refusal:
        await call
    assert refusal.value.code == code, refusal.value.text
    return refusal.value


class TestClaims:
    async def test_a_name_is_proven_by_the_key_that_claimed_it(self, world: World) -> None:
        account = await world.claim("alice", 1)

        assert world.is_durable()
        assert await world.accounts.prove("Alice", world.signed(1, "Alice"), HERE) == account
        await refused(world.accounts.prove("alice", world.signed(2, "alice"), HERE), "proof")
        await refused(world.claim("ALICE", 2), "name-claimed")

    async def test_a_name_is_proven_by_its_password(self, world: World) -> None:
        account = await world.claim("alice", password="correct horse")

        assert await world.accounts.prove("alice", PasswordProof("correct horse"), HERE) == account
        await refused(world.accounts.prove("alice", PasswordProof("wrong horse"), HERE), "proof")

    @pytest.mark.parametrize(
        "connection",
        [
            replace(HERE, nonce="m" * 64),
            replace(HERE, nonce=""),
            replace(HERE, epoch="e2"),
            replace(HERE, binding="ab" * 32),
        ],
        ids=["another nonce", "no challenge", "another server", "another certificate"],
    )
    async def test_a_signature_is_worth_nothing_elsewhere(self, world: World, connection: ProofConnection) -> None:
        await world.claim("alice", 1)

        await refused(world.accounts.prove("alice", world.signed(1, "alice"), connection), "proof")

    async def test_a_signature_is_for_one_name_and_one_purpose(self, world: World) -> None:
        await world.claim("alice", 1)
        await world.claim("bob", 1)

        await refused(world.accounts.prove("bob", world.signed(1, "alice"), HERE), "proof")
        await refused(world.accounts.prove("alice", world.signed(1, "alice", "claim"), HERE), "proof")
        await refused(world.accounts.claim("carol", world.signed(1, "carol"), HERE), "proof")

    @pytest.mark.parametrize("name", ["guest-bob", "Guest-x", "deploy", "server", "a b", ""])
    async def test_some_names_can_be_claimed_by_nobody(self, world: World, name: str) -> None:
        with pytest.raises(ChatError):
            await world.claim(name, password="correct horse")
        with pytest.raises(ChatError):
            await world.accounts.add(name, by="carol")

        assert not world.store.accounts

    @pytest.mark.parametrize("length", [0, PASSWORD_MIN - 1, PASSWORD_MAX + 1])
    async def test_a_password_has_a_length(self, world: World, length: int) -> None:
        await refused(world.accounts.claim("alice", PasswordProof("x" * length), HERE), "bad-password")

    async def test_a_claim_that_is_not_kept_leaves_the_name_free(self, world: World) -> None:
        world.store.is_broken = True
        with pytest.raises(JournalError):
            await world.claim("alice", 1)
        world.store.is_broken = False

        assert world.accounts.names.owner_of("alice") is None
        assert (await world.claim("alice", 2)).keys[0].blob == blob(2)

    async def test_squatting_is_bounded(self, world: World) -> None:
        for number in range(NAMES_PER_KEY):
            await world.claim(f"name{number}", 1)
        await refused(world.claim("another", 1), "too-many-names")

        for number in range(5):
            await world.claim(f"other{number}", password="correct horse", connection=HERE)
        await refused(world.claim("sixth", password="correct horse", connection=HERE), "slow-down")
        world.now += 86400
        await world.claim("sixth", password="correct horse", connection=HERE)


class TestPasswords:
    async def test_everything_wrong_is_one_answer_after_one_hash(self, world: World) -> None:
        await world.claim("alice", password="correct horse")
        await world.claim("bob", 1)
        texts = set()
        for name in ("alice", "bob", "nobody"):
            error = await refused(world.accounts.prove(name, PasswordProof("wrong horse"), LOOPBACK), "proof")
            texts.add(error.text)

        assert len(texts) == 1
        assert world.crypto.hashes == ["hash of correct horse", DUMMY_HASH, DUMMY_HASH]

    async def test_guessing_is_slowed_for_the_name_and_for_the_address(self, world: World) -> None:
        await world.claim("alice", password="correct horse")
        wrong = PasswordProof("wrong horse")
        for origin in range(5):
            await refused(world.accounts.prove("alice", wrong, replace(HERE, origin=origin)), "proof")
        assert world.slept == []

        await refused(world.accounts.prove("alice", wrong, replace(HERE, origin=9)), "proof")
        assert world.slept == [20]
        await refused(world.accounts.prove("alice", wrong, replace(HERE, origin=8)), "slow-down")

    async def test_an_owner_with_a_key_is_never_locked_out(self, world: World) -> None:
        account = await world.claim("alice", 1)
        await world.accounts.set_password(account.id, "correct horse")
        for _ in range(6):
            await refused(world.accounts.prove("alice", PasswordProof("wrong horse"), HERE), "proof")
        await refused(world.accounts.prove("alice", PasswordProof("correct horse"), HERE), "slow-down")

        assert (await world.accounts.prove("alice", world.signed(1, "alice"), HERE)).id == account.id

    async def test_the_owner_of_a_password_may_log_in_often(self, world: World) -> None:
        await world.claim("alice", password="correct horse")

        for _ in range(100):
            await world.accounts.prove("alice", PasswordProof("correct horse"), HERE)

        assert world.slept == []

    async def test_one_address_cannot_fill_the_queue(self, world: World) -> None:
        world.accounts._checking[HERE.origin] = AT_ONCE_PER_ORIGIN

        await refused(world.accounts.prove("alice", PasswordProof("correct horse"), HERE), "slow-down")

    async def test_a_password_that_is_changed_meanwhile_proves_nothing(self, world: World) -> None:
        account = await world.claim("alice", password="correct horse")
        matches = world.crypto.matches

        async def change_meanwhile(hashed: str, password: str) -> bool:
            is_right = await matches(hashed, password)
            await world.accounts.set_password(account.id, "another horse")
            return is_right

        world.crypto.matches = change_meanwhile  # type: ignore[method-assign]
        await refused(world.accounts.prove("alice", PasswordProof("correct horse"), HERE), "proof")


class TestKeys:
    async def test_keys_are_added_and_removed(self, world: World) -> None:
        account = await world.claim("alice", 1)

        second = await world.accounts.add_key(account.id, f"ssh-ed25519 {blob(2)} laptop")
        assert await world.accounts.add_key(account.id, blob(2)) == second
        await world.accounts.remove_key(account.id, account.keys[0].fingerprint)

        assert world.is_durable()
        assert world.places.ended == [(account.id, by_key(account.keys[0].blob))]
        await refused(world.accounts.prove("alice", world.signed(1, "alice"), HERE), "proof")
        assert await world.accounts.prove("alice", world.signed(2, "alice"), HERE)
        await refused(world.accounts.remove_key(account.id, second.fingerprint), "last-proof")
        await refused(world.accounts.remove_key(account.id, "SHA256:other"), "no-such-key")

    async def test_their_number_is_bounded(self, world: World) -> None:
        account = await world.claim("alice", 1)
        for number in range(2, KEYS_MAX + 1):
            await world.accounts.add_key(account.id, blob(number))

        await refused(world.accounts.add_key(account.id, blob(99)), "too-many-keys")

    async def test_of_two_changes_at_once_one_is_refused(self, world: World) -> None:
        account = await world.claim("alice", 1)
        keep = world.store.keep_account
        refusals: list[ChatError] = []

        async def change_meanwhile(changed: Account, *, invite: str = "") -> None:
            refusals.append(await refused(world.accounts.add_key(account.id, blob(3)), "slow-down"))
            await keep(changed, invite=invite)

        world.store.keep_account = change_meanwhile  # type: ignore[method-assign]
        await world.accounts.add_key(account.id, blob(2))

        assert len(refusals) == 1
        assert world.is_durable()


class TestOperators:
    async def test_a_name_that_is_reset_is_nobodys_to_prove_until_its_invite_is_used(self, world: World) -> None:
        account = await world.claim("alice", 1)
        await world.accounts.reset("ALICE")
        invite, code = await world.accounts.make_invite(uses=1, expires_s=3600, by="carol", account=account.id)

        assert world.places.ended == [(account.id, "")]
        assert world.places.told == ["an operator has reset your name: ask for the invite that gives it back to you"]
        await refused(world.accounts.prove("alice", world.signed(1, "alice"), HERE), "proof")
        await refused(world.claim("bob", 2, invite=code), "invite")
        assert (await world.claim("alice", 2, invite=code)).id == account.id
        assert world.store.invites[invite.digest].uses == 0
        assert (await world.claim("alice", 2, invite=code)).id == account.id, "an answer was lost: no use is taken"
        await refused(world.claim("alice", 3, invite=code), "invite")
        assert world.is_durable()

    async def test_a_name_that_is_handed_out_evicts_the_guest_who_has_it(self, world: World) -> None:
        await world.accounts.add("alice", by="carol", key=f"ssh-ed25519 {blob(1)}")

        assert world.places.evicted == ["alice"]
        assert await world.accounts.prove("alice", world.signed(1, "alice"), HERE)

    async def test_a_name_that_is_removed_is_free(self, world: World) -> None:
        account = await world.claim("alice", 1)
        await world.accounts.make_invite(uses=1, expires_s=3600, by="carol", account=account.id)

        await world.accounts.remove("alice")

        assert world.places.ended == [(account.id, "")]
        assert world.places.forgotten == [account.id]
        assert world.accounts.invites == {}
        assert (await world.claim("alice", 2)).id != account.id
        await refused(world.accounts.remove("nobody"), "no-such-name")

    async def test_an_invite_lets_as_many_in_as_it_says(self, world: World) -> None:
        invite, code = await world.accounts.make_invite(uses=2, expires_s=3600, by="carol")

        assert invite.digest == digest_of(code)
        assert len(code) == 26
        await world.claim("alice", 1, invite=code)
        await world.claim("bob", 2, invite=code)
        await refused(world.claim("dave", 3, invite=code), "invite")
        assert world.accounts.names.owner_of("dave") is None

    async def test_an_invite_expires_and_is_withdrawn(self, world: World) -> None:
        first, code = await world.accounts.make_invite(uses=2, expires_s=60, by="carol")
        second, other = await world.accounts.make_invite(uses=2, expires_s=3600, by="carol")
        world.now += 60

        await refused(world.claim("alice", 1, invite=code), "invite")
        await world.accounts.withdraw_invite(id_of(second))
        await refused(world.claim("alice", 1, invite=other), "invite")
        await world.accounts.make_invite(uses=1, expires_s=60, by="carol")
        assert first.digest not in world.store.invites

    async def test_names_that_nobody_uses_are_freed(self, world: World) -> None:
        unseen, here, seen = [await world.claim(name, number) for number, name in enumerate(("dave", "eve", "fay"), 1)]
        world.places.here.add(here.id)
        world.now += 365 * 86400
        await world.accounts.note_seen(seen.id)

        assert await world.accounts.free_unseen(364 * 86400) == [unseen]
        assert {it.name for it in world.accounts.names} == {"eve", "fay"}
        assert world.is_durable()


@dataclass(frozen=True)
class Listed:
    name: str
    blob: str
    line: int = 1


class TestNamesFile:
    async def test_the_keys_of_the_file_are_those_of_its_accounts(self, world: World) -> None:
        assert await world.accounts.sync_file([Listed("alice", blob(1)), Listed("Alice", blob(2))]) == []
        account = world.accounts.owned("alice")
        assert [key.blob for key in account.keys] == [blob(1), blob(2)]
        assert world.places.evicted == ["alice"]
        await world.accounts.add_key(account.id, blob(3))

        await world.accounts.sync_file([Listed("alice", blob(2))])
        assert {key.blob for key in world.accounts.owned("alice").keys} == {blob(2), blob(3)}
        await world.accounts.sync_file([])
        assert {key.blob for key in world.accounts.owned("alice").keys} == {blob(3)}
        assert [ended for ended, _ in world.places.ended] == [account.id] * 2
        assert world.is_durable()

    async def test_it_takes_no_name_from_its_owner(self, world: World) -> None:
        account = await world.claim("alice", 1)

        (sentence,) = await world.accounts.sync_file([Listed("alice", blob(2), line=3)])

        assert sentence == "names-file line 3: alice belongs to somebody: trio-chat names reset alice"
        assert world.accounts.owned("alice") == account
        assert await world.accounts.sync_file([Listed("alice", blob(1))]) == []

    async def test_a_name_that_is_being_changed_is_said_and_spoils_no_other(self, world: World) -> None:
        await world.accounts.sync_file([Listed("alice", blob(1)), Listed("bob", blob(2))])
        world.accounts._changing.add(world.accounts.owned("alice").id)

        (sentence,) = await world.accounts.sync_file([Listed("alice", blob(3), line=1), Listed("bob", blob(4), line=2)])
        assert sentence == "names-file line 1: another change of that name is being kept: try again"
        (sentence,) = await world.accounts.sync_file([])
        assert sentence == "names-file: alice: another change of that name is being kept: try again"

        assert world.accounts.owned("bob").keys == ()
        assert [key.blob for key in world.accounts.owned("alice").keys] == [blob(1)]

    async def test_a_large_file_gives_way_to_others(self, world: World) -> None:
        await world.accounts.sync_file([Listed(f"name{number}", blob(number), number) for number in range(1000)])

        assert len(world.slept) >= 3 * 1000 // LISTED_PER_TURN


class TestSync:
    async def test_what_another_server_has_changed_is_taken_over(self, world: World) -> None:
        alice, bob = await world.claim("alice", 1), await world.claim("bob", 2)
        carol = replace(bob, id="c" * 16, name="carol")
        alice = replace(alice, keys=(AccountKey(blob(3), 1.0, "own"),))

        is_complete = await world.accounts.sync([alice, carol], [])

        assert is_complete
        assert set(world.accounts.names) == {alice, carol}
        assert world.places.ended == [(alice.id, by_key(blob(1))), (bob.id, "")]
        assert world.places.evicted == ["carol"]

    async def test_a_claim_that_is_being_kept_here_puts_nobody_out(self, world: World, monkeypatch) -> None:
        complete: list[bool] = []
        keep = world.store.keep_account

        async def keep_and_sync(account: Account, *, invite: str = "") -> None:
            await keep(account, invite=invite)
            complete.append(await world.accounts.sync(world.store.accounts.values(), []))

        monkeypatch.setattr(world.store, "keep_account", keep_and_sync)
        await world.claim("alice", 1)

        assert world.places.evicted == []
        assert complete == [False]
        assert world.is_durable()

    async def test_a_name_that_changes_here_meanwhile_stays_as_it_is(self, world: World) -> None:
        accounts = [await world.claim(f"n{number}", number) for number in range(LISTED_PER_TURN + 1)]
        world.on_sleep = lambda: world.accounts.remove(accounts[-1].name)

        is_complete = await world.accounts.sync(accounts, [])

        assert not is_complete
        assert accounts[-1] not in set(world.accounts.names)
        assert world.is_durable()
