"""Filtering, sorting and paging of clients over HTTP."""

from urllib.parse import quote

import pytest

from trio_chat.chat.log import Mode

FILTERS = {
    "room=dev": {"ann", "bob"},
    "room=%23DEV": {"ann", "bob"},
    "room=nowhere": set(),
    "address=10.0.0.2": {"bob"},
    "address=10.0.0.0/24": {"ann", "bob"},
    "address=2001:db8::/32": {"zoe"},
    "nick=B": {"bob"},
    "mode=frames": {"zoe"},
    "mode=lines": {"ann", "bob"},
    "idle=150": {"ann"},
    "away=true": set(),
    "muted=true": {"bob"},
    "muted=false": {"ann", "zoe"},
    "tls=true": {"zoe"},
    "tls=false": {"ann", "bob"},
    "account=ANN": {"ann"},
    "account=0123456789abcdef": {"ann"},
    "account=bob": set(),
    "away=false": {"ann", "bob", "zoe"},
    "search=dev": {"ann", "bob"},
    "search=10.0.0.2:4": {"bob"},
    "search=ZO": {"zoe"},
    "search=c2": {"bob"},
    "ids=c2,c3,c99": {"bob", "zoe"},
    "ids=c2%2Cc3&nick=z": {"zoe"},
    "room=dev&nick=a": {"ann"},
}


@pytest.fixture
async def crowd(admin):
    """Ann and Bob in #dev, Zoe by frames; Ann has been silent for longest, and proven her name, Bob is muted."""
    for port, (nick, address, mode) in enumerate(
        [("ann", "10.0.0.1", Mode.LINES), ("bob", "10.0.0.2", Mode.LINES), ("zoe", "2001:db8::1", Mode.FRAMES)], 4000
    ):
        client = admin.connect(port, address, mode=mode)
        if nick == "ann":
            admin.chat.places.enter_as(client, "0123456789abcdef", nick, "password")
        else:
            admin.chat.rename(client, nick)
        admin.chat.record_input(client)
        client.outlet.is_encrypted = nick == "zoe"
        if nick != "zoe":
            admin.chat.join(client, "dev")
        admin.now += 60
    bob = admin.chat.directory.find("bob")[0]
    admin.operator.mute(await admin.operator.draft_mute(bob, reason="", by="console", until=None))
    return admin


async def listed(admin, query):
    answer = await admin.ask("GET", f"/clients?{query}")
    assert answer.status == 200, answer.text
    return [client["nick"] for client in answer.json["clients"]]


@pytest.mark.parametrize("query", FILTERS)
async def test_a_filter_lists_those_it_fits_and_counts_them(crowd, query):
    answer = await crowd.ask("GET", f"/clients?{query}")

    assert {client["nick"] for client in answer.json["clients"]} == FILTERS[query]
    assert answer.json["matching"] == len(FILTERS[query])
    assert answer.json["total"] == 3
    assert answer.json["next"] is None


async def test_those_who_are_behind_are_found_by_how_much(crowd):
    zoe = crowd.chat.directory.find("zoe")[0]
    crowd.chat.join(zoe, "dev")
    for _ in range(3):
        await crowd.chat.say(zoe, crowd.chat.current_room(zoe), "hello").kept()
    crowd.chat.deliver(await crowd.journal.read("dev", limit=100))
    behind = crowd.chat.directory.find("ann")[0].behind[0]

    assert "ann" in await listed(crowd, f"behind={behind}")
    assert await listed(crowd, "behind=1000000") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", "no address"),
        ("address", "1.2.3"),
        ("mode", "telnet"),
        ("behind", "0"),
        ("idle", "-1"),
        ("away", "maybe"),
        ("search", ""),
        ("nick", "x" * 101),
        ("sort", "size"),
        ("limit", "0"),
        ("limit", "1001"),
        ("cursor", "nonsense"),
        ("cursor", "é"),
        ("room_", "dev"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_named(crowd, name, value):
    answer = await crowd.ask("GET", f"/clients?{name}={quote(value)}")

    assert answer.status == 400
    assert name in answer.json["detail"]


@pytest.mark.parametrize(
    ("sort", "nicks"),
    [
        ("connected", ["ann", "bob", "zoe"]),
        ("-connected", ["zoe", "bob", "ann"]),
        ("nick", ["ann", "bob", "zoe"]),
        ("-nick", ["zoe", "bob", "ann"]),
        ("address", ["ann", "bob", "zoe"]),
        ("idle", ["zoe", "bob", "ann"]),
        ("-idle", ["ann", "bob", "zoe"]),
        ("-behind", None),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_in_every_order_have_everyone_once(crowd, sort, nicks, limit):
    whole = await listed(crowd, f"sort={sort}")
    assert nicks in (whole, None)

    pages, cursor = [], ""
    while cursor is not None:
        answer = (await crowd.ask("GET", f"/clients?sort={sort}&limit={limit}&cursor={cursor}")).json
        assert len(answer["clients"]) <= limit
        pages += [client["nick"] for client in answer["clients"]]
        cursor = answer["next"]

    assert pages == whole


async def test_a_cursor_of_another_order_is_refused(crowd):
    cursor = (await crowd.ask("GET", "/clients?sort=nick&limit=1")).json["next"]

    answer = await crowd.ask("GET", f"/clients?sort=idle&limit=1&cursor={cursor}")

    assert answer.status == 400
    assert "cursor" in answer.json["detail"]


async def test_a_client_that_leaves_between_two_pages_shifts_no_other(crowd):
    first = (await crowd.ask("GET", "/clients?sort=nick&limit=1")).json
    crowd.chat.kick(crowd.chat.directory.find("ann")[0])

    second = (await crowd.ask("GET", f"/clients?sort=nick&limit=1&cursor={first['next']}")).json

    assert [client["nick"] for client in second["clients"]] == ["bob"]
