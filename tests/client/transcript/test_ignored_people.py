"""Ignoring people by name and by account, and reconciling the list with the server's."""

import pytest

from trio_chat.client.link.events import Received
from trio_chat.client.transcript.ignored_people import IGNORED_MAX, IgnoredPeople
from trio_chat.client.transcript.people import People
from trio_chat.wire import frames


def people(*names: str, **accounts: str) -> IgnoredPeople:
    ignored = IgnoredPeople()
    ignored.add_all((*names, *accounts), accounts)
    return ignored


def spoken(author: str, account: str = "") -> Received:
    entry = frames.Said(id=1, room="lobby", kind="said", time=0.0, author=author, text="hi", account=account)
    return Received(entry, is_own=False)


def test_a_member_is_ignored_under_every_name_and_nobody_else_who_has_it_later() -> None:
    ignored = people(Eve="e1")

    assert all(ignored.has(name, account) for name, account in (("eve", ""), ("EVE", "e1"), ("mallory", "e1")))
    assert not ignored.has("eve", "another")
    assert not ignored.has("mallory")


def test_an_account_is_learned_from_what_is_said_and_its_new_name_too() -> None:
    ignored = people("eve")

    ignored.learn("eve", "e1")
    ignored.learn("bob", "b1")
    ignored.learn("mallory", "e1")

    assert (ignored.names, ignored.accounts) == (["mallory"], {"mallory": "e1"})
    assert ignored.remove("Mallory")
    assert not ignored.has("eve", "e1")


def test_whoever_has_spoken_is_ignored_by_account_at_once() -> None:
    known = People()
    known.update([spoken("eve", "e1"), spoken("bob"), spoken("ann", "a1"), spoken("ann")], "me")

    for name in ("EVE", "bob", "ann"):
        known.ignore(name)

    assert known.ignored.accounts == {"EVE": "e1"}


@pytest.mark.parametrize(
    ("ours", "theirs", "merged", "lacks_change"),
    [
        (["eve"], [], ["eve"], True),
        (["eve"], ["bob"], ["bob"], False),
        ([], ["bob"], ["bob"], False),
        (["Bob"], ["bob"], ["bob"], False),
    ],
)
def test_the_server_has_the_list_and_ours_counts_only_where_it_has_none(
    ours: list[str], theirs: list[str], merged: list[str], lacks_change: bool
) -> None:
    ignored = people(*ours)

    assert ignored.reconcile(theirs) is lacks_change
    assert ignored.names == merged


def test_changes_since_the_lists_were_reconciled_are_kept_on_both_sides() -> None:
    ignored = people(eve="e1", bob="b1")
    ignored.reconcile(["eve", "bob", "carl"])
    ignored.add("dave")
    ignored.remove("bob")

    assert ignored.reconcile(["eve", "bob", "zoe"])
    assert (ignored.names, ignored.accounts) == (["eve", "zoe", "dave"], {"eve": "e1"})
    assert not ignored.reconcile(["eve", "zoe", "dave"])


def test_so_many_are_ignored_and_no_more() -> None:
    ignored = people(*(f"n{number}" for number in range(IGNORED_MAX + 5)))
    for number in range(2 * IGNORED_MAX):
        ignored.learn(f"n{number}", f"a{number}")

    assert len(ignored.names) == len(ignored.accounts) == IGNORED_MAX
    assert ignored.names[0] == "n5"
