import pytest

from trio_chat.chat.accounts.account import Account, AccountKey
from trio_chat.chat.accounts.names import Names
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import fold_name


def account(name: str, *blobs: str, id: str = "") -> Account:
    return Account(id or f"id-{name}", name, 1.0, 1.0, "own", tuple(AccountKey(blob, 1.0) for blob in blobs))


def test_a_name_is_found_in_any_spelling() -> None:
    names = Names([account("Ian")])

    assert names.owner_of("ian") == names.owner_of("lan") == names.by_id("id-Ian") == account("Ian")
    assert names.owner_of("bob") is None


def test_accounts_are_found_by_a_key_they_have() -> None:
    names = Names([account("alice", "k1"), account("bob", "k1", "k2")])

    names.put(account("bob", "k2"))

    assert names.with_key("k1") == (account("alice", "k1"),)
    assert names.with_key("k2") == (account("bob", "k2"),)
    assert names.with_key("k3") == ()


def test_an_account_that_is_removed_leaves_its_name_free() -> None:
    names = Names([account("alice", "k1"), account("bob")])

    names.remove("id-alice")
    names.remove("nobody")

    assert (names.owner_of("alice"), names.by_id("id-alice"), names.with_key("k1")) == (None, None, ())
    assert list(names) == [account("bob")]
    assert len(names) == 1


def test_of_two_names_that_count_as_one_the_older_is_found() -> None:
    names = Names([account("ian"), account("lan")])

    names.remove("id-lan")

    assert names.owner_of("lan") == account("ian")


def test_a_name_can_be_claimed_by_one_at_a_time() -> None:
    names = Names([account("ian")])
    names.reserve("bob")

    for taken in ("bob", fold_name("lan")):
        with pytest.raises(ChatError, match="belongs to somebody"):
            names.reserve(taken)

    names.release("bob")
    names.reserve("bob")
