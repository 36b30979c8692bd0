"""`trio-chat ban`, `unban` and `bans` against a running server."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.operate.conftest import Operate
from tests.protocol.conftest import Server


def test_a_ban_kicks_is_listed_and_is_lifted(server: Server, operate: Operate) -> None:
    server.connect(source=("127.0.0.3", 0))
    server.console(r"^Client \[127\.0\.0\.3, \d+\] connected$")

    made = operate("ban", "127.0.0.3", "--reason", "spam", "--minutes", "90")
    listed = operate("bans")
    lifted = operate("unban", "127.0.0.3")

    assert made.status == 0, made.err
    assert made.out.startswith("banned 127.0.0.3 until ")
    assert made.out.endswith("; 1 client kicked\n")
    assert ["127.0.0.3", "spam"] in [row[:3:2] for row in listed.rows]
    assert lifted.out == "lifted the ban of 127.0.0.3\n"
    assert "127.0.0.3" not in operate("bans").out


@pytest.mark.parametrize(("until", "after"), [("2h", timedelta(hours=2)), ("7d", timedelta(days=7))])
def test_a_ban_may_end_after_a_while(operate: Operate, until: str, after: timedelta) -> None:
    before = datetime.now(UTC)

    ban = operate("ban", "192.0.2.0/24", "--until", until, "--json").json["ban"]
    operate("unban", "192.0.2.0/24")

    assert timedelta(seconds=-1) <= datetime.fromisoformat(ban["until"]) - before - after < timedelta(minutes=1)


def test_a_network_that_is_not_banned_is_status_3(operate: Operate) -> None:
    done = operate("unban", "192.0.2.7")

    assert (done.status, done.err) == (3, "trio-chat: there is no ban of '192.0.2.7': trio-chat bans lists all\n")


@pytest.mark.parametrize(
    "arguments", [["no address"], ["192.0.2.1", "--minutes", "0"], ["192.0.2.1", "--until", "soon"], []]
)
def test_a_ban_that_makes_no_sense_is_status_2(operate: Operate, arguments: list[str]) -> None:
    before = operate("bans", "--json").json["total"]

    assert operate("ban", *arguments).status == 2
    assert operate("bans", "--json").json["total"] == before


def test_a_ban_is_tried_before_it_is_made(server: Server, operate: Operate) -> None:
    server.connect(source=("127.0.0.4", 0))
    server.console(r"^Client \[127\.0\.0\.4, \d+\] connected$")

    tried = operate("ban", "127.0.0.4", "--dry-run")

    assert [row[1] for row in tried.rows] == ["127.0.0.4"]
    assert tried.err.endswith("a ban of 127.0.0.4 would end: 1 client; nothing was done\n")
    assert "127.0.0.4" not in operate("bans").out


def test_the_end_and_the_reason_of_a_ban_are_changed(operate: Operate) -> None:
    operate("ban", "192.0.2.0/25", "--reason", "spam", "--minutes", "90")

    longer = operate("ban", "192.0.2.0/25", "--change", "--for-good")
    ban = operate("ban", "192.0.2.0/25", "--change", "--reason", "spam again", "--json").json["ban"]
    operate("unban", "192.0.2.0/25")
    nothing = operate("ban", "192.0.2.0/25", "--change", "--for-good")

    assert longer.out == "the ban of 192.0.2.0/25 now holds for good\n"
    assert (ban["until"], ban["reason"]) == (None, "spam again")
    assert (nothing.status, nothing.err[:29]) == (3, "trio-chat: there is no ban of")


@pytest.mark.parametrize(
    "options", ["--change", "--for-good", "--change --for-good --minutes 3", "--change --reason x --dry-run"]
)
def test_a_change_that_makes_no_sense_is_status_2(operate: Operate, options: str) -> None:
    assert operate("ban", "192.0.2.0/25", *options.split()).status == 2
    assert operate("mute", "192.0.2.0/25", *options.split()).status == 2


def test_bans_are_searched(operate: Operate) -> None:
    operate("ban", "192.0.2.0/25", "--reason", "spam")
    operate("ban", "198.51.100.0/25")

    under, none = operate("bans", "--search", "192.0.2.7"), operate("bans", "--search", "nothing like that")
    for network in ("192.0.2.0/25", "198.51.100.0/25"):
        operate("unban", network)

    assert [row[0] for row in under.rows] == ["192.0.2.0/25"]
    assert (none.out, none.err) == ("", "no ban matches\n")


def test_a_ban_of_an_ipv6_address_says_that_it_is_for_its_home(operate: Operate) -> None:
    made = operate("ban", "2001:db8::7")
    lifted = operate("unban", "2001:db8::7")

    assert made.out == "banned 2001:db8::/64 for good; 0 clients kicked\n"
    assert made.err.startswith("warning: 2001:db8::7 stands for 2001:db8::/64, ")
    assert lifted.out == "lifted the ban of 2001:db8::/64\n"
