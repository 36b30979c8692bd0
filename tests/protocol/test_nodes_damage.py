"""Facts, records and orders that somebody wrote into Redis by hand: they are left out, and end nothing."""

import json
from collections.abc import Sequence

import pytest

from tests.protocol.nodes import StartNode, clients_of, until
from tests.protocol.test_names import claim_by_lines
from tests.protocol.test_operators import ask
from tests.protocol.test_remembering import leave, log_in
from tests.redis_server import RedisServer

FACTS = {
    "id": "c1",
    "mode": "frames",
    "label": "eve",
    "nick": "eve",
    "account": "a9",
    "session": "s" * 32,
    "rooms": ["lobby"],
    "address": "192.0.2.1",
    "port": 1,
    "connected_at": 1.0,
    "input_at": 1.0,
}

BAN = {"network": "192.0.2.0/24", "reason": "", "by": "console", "since": 1.0, "until": None}
MUTE = {
    "number": 7,
    "label": "eve",
    "network": "",
    "session": "x",
    "spared": "",
    "reason": "",
    "by": "console",
    "since": 1.0,
    "until": None,
    "account": "",
}
SESSION = {"owner": "o", "mode": "frames", "label": "eve", "nick": "eve", "rooms": ["lobby"], "address": "192.0.2.1"}


TELL = """
local number = redis.call('HINCRBY', '{trio-chat}:meta', 'signals', 1)
return redis.call('XADD', '{trio-chat}:signals', number .. '-0', 'n', 'hand', 'k', ARGV[1], 'i', ARGV[2], 'd', ARGV[3])
"""


def tell(redis: RedisServer, kind: str, id: str, payload: object) -> None:
    """Tell the nodes something, as a node of the name `hand`."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    assert redis.ask("EVAL", TELL, "0", kind, id, text).startswith(b"$")


WRONG_FACTS: Sequence[dict[str, object]] = (
    {"id": "c2"},
    {"rooms": ["lobby", "lobby"]},
    {"rooms": ["a"] * 3000},
    {"rooms": ["x" * 3000]},
    {"address": "rubbish"},
    {"port": -1},
    {"connected_at": 1e300},
    {"input_at": -1e300},
    {"away_at": 1e300},
    {"nick": "\x1b[2J"},
    {"label": "x" * 3000},
    {"account": "\x1b"},
    {"lines_in": 10**30},
)


def test_m9_clients_written_by_hand_are_left_out(node: StartNode, redis: RedisServer) -> None:
    one = node("one")
    alice = one.join()

    for number, wrong in enumerate(WRONG_FACTS, 20):
        name = f"eve{number}"
        facts = FACTS | {"id": f"c{number}", "nick": name, "label": name, "session": name, "account": f"a{number}"}
        tell(redis, "c", f"c{number}", facts | wrong)
    [own] = clients_of(one)
    tell(redis, "c", own["id"], FACTS | {"id": own["id"]})
    tell(redis, "c", "c8", FACTS | {"id": "c8", "nick": "mallory", "label": "mallory", "session": "t", "account": ""})

    until(lambda: "mallory" in [it["nick"] for it in clients_of(one)])
    assert len(clients_of(one)) == 2, clients_of(one)
    for client in ("c2", "c8", *(f"c{number}" for number in range(20, 20 + len(WRONG_FACTS)))):
        tell(redis, "c", client, "")
    until(lambda: len(clients_of(one)) == 1)
    assert ask(one, "POST", "/bans", network="192.0.2.0/24")["ban"]
    alice.send(b"hello\n")
    until(lambda: "hello" in str(ask(one, "GET", "/rooms/lobby/entries")))


@pytest.mark.parametrize(
    ("table", "field", "record"),
    [
        ("bans", "x", BAN | {"network": "rubbish"}),
        ("bans", "x", BAN | {"since": 1e300}),
        ("bans", "x", BAN | {"until": -1e300}),
        ("mutes", "7", MUTE | {"network": "rubbish"}),
        ("mutes", "7", MUTE | {"since": 1e300, "until": 1e301}),
        ("mutes", "7", MUTE | {"number": -(10**15)}),
        ("hooks", "x", {"name": "\x1b", "room": "\x1b", "digest": "x", "by": "console", "since": 1e300}),
        (
            "accounts",
            "x",
            {
                "id": "x",
                "name": "\x1b" * 99,
                "folded": "",
                "since": 1e300,
                "seen": 1e300,
                "by": "rubbish",
                "password": "x",
                "keys": [],
            },
        ),
        ("invites", "x", {"digest": "x", "account": "x", "uses": 1, "by": "console", "since": 1e300, "until": 1e300}),
        ("invite_uses", "x", "rubbish"),
    ],
)
def test_m9_a_record_written_by_hand_ends_nothing(
    node: StartNode, redis: RedisServer, table: str, field: str, record: object
) -> None:
    one = node("one")
    alice = one.join()

    text = record if isinstance(record, str) else json.dumps(record)
    redis.ask("HSET", f"{{trio-chat}}:{table}", field, text)
    tell(redis, "x", "invites" if table == "invite_uses" else table, "")
    tell(redis, "x", "no-such-table", "")
    two = node("two")
    alice.send(b"hello\n")

    until(lambda: "hello" in str(ask(two, "GET", "/rooms/lobby/entries")))
    for path in ("/bans", "/mutes", "/hooks", "/names", "/invites"):
        ask(one, "GET", path)


WRONG_SESSIONS: Sequence[dict[str, object]] = (
    {"address": "rubbish"},
    {"rooms": ["lobby", "lobby"]},
    {"rooms": ["x" * 3000]},
    {"rooms": [f"room{number}" for number in range(3000)]},
    {"nick": "\x1b[2J"},
    {"mode": "rubbish", "label": "\x1b[2J"},
    {"mode": "person", "account": "x"},
    {"told": {"label": "\x1b[2J", "rooms": ["lobby", "@x", ""]}},
    {"owner": ""},
)


def test_m9_sessions_written_by_hand_end_no_node_that_takes_them_over(node: StartNode, redis: RedisServer) -> None:
    one = node("one")
    alice = one.join()

    for number, wrong in enumerate(WRONG_SESSIONS):
        record = SESSION | {"owner": f"o{number}", "nick": f"eve{number}", "label": f"eve{number}"} | wrong
        redis.ask("HSET", "{trio-chat}:sessions:gone", str(number), json.dumps(record))
    dora = SESSION | {"owner": "p", "nick": "dora", "label": "dora"}
    redis.ask("HSET", "{trio-chat}:sessions:gone", "p", json.dumps(dora))
    redis.ask("SADD", "{trio-chat}:nodes", "gone")

    until(lambda: "dora" in [it["nick"] for it in clients_of(one)])
    alice.send(b"hello\n")
    until(lambda: "hello" in str(ask(one, "GET", "/rooms/lobby/entries")))


@pytest.mark.parametrize(
    ("kind", "id", "payload"),
    [
        ("e", "one", "rubbish"),
        ("e", "one", ["c1", "left", "NO_SUCH_REASON", ""]),
        ("e", "one", ["c1", "said", "KICKED", ""]),
        ("t", "one", "\x1b"),
        ("t", "one", ""),
        ("d", "one", ""),
        ("r", "", ""),
        ("?", "", ""),
    ],
)
def test_m9_an_order_written_by_hand_ends_nothing(
    node: StartNode, redis: RedisServer, kind: str, id: str, payload: object
) -> None:
    one = node("one")
    alice = one.join()

    tell(redis, kind, id, payload)
    tell(redis, "c", "c8", FACTS | {"id": "c8"})

    until(lambda: "eve" in [it["nick"] for it in clients_of(one)])
    assert sorted(it["node"] for it in clients_of(one)) == ["hand", "one"]
    alice.send(b"hello\n")
    until(lambda: "hello" in str(ask(one, "GET", "/rooms/lobby/entries")))


WRONG_MEMORIES: Sequence[dict[str, object]] = (
    {
        "rooms": ["\x1b[2J", "@x", "", "x" * 3000, "no room", *(f"room{number}" for number in range(5_000))],
        "ignored": ["\x1b[2J", "x" * 50_000, *(f"name{number}" for number in range(2_000))],
        "marks": [["lobby", 2**53 - 1, 253402300799.0], *([f"room{number}", 1, 1.0] for number in range(4_000))],
    },
    {"ignored": ["x" * 300_000, *(f"name{number}" for number in range(50_000))]},
    {"marks": [["lobby", 2**53, -1.0]]},
)


def test_m9_a_memory_written_by_hand_keeps_nobody_out(node: StartNode, redis: RedisServer) -> None:
    leave(claim_by_lines(node("one"), name="carol"))
    memories = "{trio-chat}:memories"
    account = until(lambda: redis.ask("HKEYS", "{trio-chat}:accounts").split(b"\r\n")[2]).decode()

    for number, wrong in enumerate(WRONG_MEMORIES):
        memory = {"account": account, "rooms": ["lobby"], "ignored": [], "marks": []} | wrong
        redis.ask("HSET", memories, account, json.dumps(memory))
        two = node(f"two{number}")
        carol, _ = log_in(two, name="carol")
        carol.send(b"/rooms\n/ignore\nhello\n")
        until(lambda: number < str(ask(two, "GET", "/rooms/lobby/entries")).count("hello"))  # noqa: B023
        leave(carol)
