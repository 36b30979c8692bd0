"""The operator's console: bans."""

import pytest

from trio_chat.server.console import Desk, obey


async def test_a_ban_is_set_shown_and_lifted(open_house, autojump_clock) -> None:
    async with open_house() as house:
        desk = Desk(house.chat, house.bans, lambda: 0.0)

        assert list(obey(desk, "bans")) == ["No bans"]
        assert list(obey(desk, "ban 192.0.2.77/24 90 spam and more")) == [
            "Banned 192.0.2.0/24 until 1970-01-01 01:30 UTC; 0 kicked"
        ]
        assert list(obey(desk, "ban 2001:db8::1 10 Downing Street")) == [
            "Banned 2001:db8::1 until 1970-01-01 00:10 UTC; 0 kicked"
        ]
        assert list(obey(desk, "bans")) == [
            "BANNED        SINCE                 UNTIL                 BY       REASON",
            "192.0.2.0/24  1970-01-01 00:00 UTC  1970-01-01 01:30 UTC  console  spam and more",
            "2001:db8::1   1970-01-01 00:00 UTC  1970-01-01 00:10 UTC  console  Downing Street",
        ]
        assert list(obey(desk, "unban 192.0.2.0/24")) == ["Unbanned 192.0.2.0/24"]
        assert list(obey(desk, "unban 192.0.2.0/24")) == ["unban: 192.0.2.0/24 is not banned"]


async def test_a_ban_kicks_those_who_are_there(open_house, autojump_clock) -> None:
    async with open_house() as house:
        alice = await house.join()

        assert list(obey(Desk(house.chat, house.bans, lambda: 0.0), "ban 127.0.0.1 rude")) == [
            "Banned 127.0.0.1; 1 kicked"
        ]

        assert (await alice.rest()).endswith(b"*** you were kicked ***\n")
        assert await (await house.connect()).rest() == b"*** you are banned: rude ***\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ban", "Usage: ban NETWORK [MINUTES] [REASON]"),
        ("unban", "Usage: unban NETWORK"),
        ("ban alice", "ban: expected an address or a network, such as 10.1.2.3 or 2001:db8::/64"),
        ("unban 10.0.0.0/99", "unban: expected an address or a network, such as 10.1.2.3 or 2001:db8::/64"),
        (f"ban 10.0.0.1 {'x' * 300}", "ban: a reason has at most 200 characters"),
    ],
)
async def test_what_makes_no_sense_is_answered(open_house, autojump_clock, line: str, answer: str) -> None:
    async with open_house() as house:
        assert list(obey(Desk(house.chat, house.bans, lambda: 0.0), line)) == [answer]
