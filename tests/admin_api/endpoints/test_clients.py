"""Listing, looking up and ending connections over HTTP: FAULTS A1 to A3."""

from time import perf_counter
from urllib.parse import quote

import pytest
import trio
import trio.testing

from admin_api.http.turns import TURN_S
from tests.conftest import PATIENCE_S
from trio_chat.chat.dependencies import Change
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import TAKES_NOTHING, CloseReason

ALICE = {
    "id": "c1",
    "address": "10.0.0.1",
    "port": 47634,
    "nick": "alice",
    "label": "alice",
    "rooms": ["lobby"],
    "account": None,
    "places": 1,
    "mode": "lines",
    "tls": False,
    "muted": False,
    "connected_at": "2026-11-24T08:00:00Z",
    "idle_s": 2.5,
    "lines_in": 1,
    "bytes_out": 210,
    "behind": {"entries": 0, "bytes": 7, "for_s": None, "stuck_s": None},
    "away_s": None,
    "node": None,
}


@pytest.fixture
def alice(admin):
    client = admin.connect(47634)
    admin.chat.rename(client, "alice")
    admin.chat.record_input(client)
    admin.now += 2.5
    return client


async def test_a_client_is_described(admin, alice):
    answer = await admin.ask("GET", "/clients/47634")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == ALICE


async def test_unsent_entries_of_a_client_are_counted(admin, alice):
    other = admin.connect(1025)
    await admin.chat.say(other, admin.chat.current_room(other), "hello").kept()
    admin.chat.deliver(await admin.journal.read("lobby", limit=10))

    answer = await admin.ask("GET", "/clients/47634")

    assert answer.json["behind"]["entries"] == len(await admin.journal.read("lobby", limit=10)) > 0
    assert answer.json["behind"]["bytes"] == alice.behind[1] > 7


async def test_a_client_without_a_nick_is_labelled_by_its_address(admin):
    admin.connect(1025, "2001:db8::1")

    answer = await admin.ask("GET", "/clients/1025")

    assert answer.json["nick"] is None
    assert answer.json["label"] == "[2001:db8::1]:1025"


@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 400, 1001])
async def test_every_client_is_listed_one_a_line_in_the_order_of_coming(admin, count):
    for number in range(count):
        admin.connect(1024 + number)

    answer = await admin.ask("GET", "/clients")

    assert answer.status == 200
    assert [client["port"] for client in answer.json["clients"]] == [1024 + number for number in range(count)]
    assert sum('"id"' in line for line in answer.text.splitlines()) == count


async def test_the_list_and_the_single_client_agree(admin, alice):
    answer = await admin.ask("GET", "/clients")

    assert answer.json == {"clients": [ALICE], "total": 1, "matching": 1, "next": None}


class Turns(trio.abc.Instrument):
    """Counts the clients that are looked at in one turn of the loop; an outlet whose bytes are asked for tells it.

    Asking takes a tenth of a turn, so that a fast machine has many turns, too.
    """

    sink = TAKES_NOTHING
    backlog = None

    def __init__(self) -> None:
        self.looks = [0]

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.looks.append(0)

    @property
    def bytes_out(self) -> int:
        self.looks[-1] += 1
        end = perf_counter() + TURN_S / 10
        while perf_counter() < end:
            pass
        return 0

    unsent_bytes = 0
    is_encrypted = False


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_long_list_is_made_in_many_turns_between_which_others_have_theirs(admin, method):
    turns = Turns()
    for number in range(100):
        admin.connect(1024 + number).outlet = turns

    trio.lowlevel.add_instrument(turns)
    await admin.ask(method, "/clients")
    trio.lowlevel.remove_instrument(turns)

    assert sum(turns.looks) == 100
    assert max(turns.looks) <= 10


async def test_a_client_that_leaves_while_the_list_is_sent_is_still_whole_in_it(admin):
    for number in range(10_000):
        admin.connect(1024 + number)
    request = b"GET /clients HTTP/1.0\r\nHost: localhost\r\n\r\n"

    async with await admin.site.connect() as stream:
        await stream.send_all(request)
        answer = await stream.receive_some(100)
        for client in tuple(admin.chat.clients):
            admin.chat.disconnect(client)
        async for chunk in stream:
            answer += chunk

    assert answer.count(b'"port":') == 10_000
    assert answer.endswith(b'"next":null}\n')


WHO = ["47634", "10.0.0.1:47634", "10.0.0.1%3A47634", "[10.0.0.1:47634]", "c1"]


@pytest.mark.parametrize("who", WHO)
async def test_a_client_is_found_by_port_address_and_id(admin, alice, who):
    answer = await admin.ask("GET", f"/clients/{who}")

    assert answer.json["id"] == "c1"


@pytest.mark.parametrize(
    "who",
    [
        "[2001:db8::1]:47634",
        "%5B2001:db8::1%5D:47634",
        "2001:db8::1:47634",
        "[[2001:db8::1]:47634]",
        "[fe80::1%25eth0]:1025",
        "fe80::1%25eth0:1025",
    ],
)
async def test_brackets_of_an_ipv6_address_may_be_written_as_they_are_or_quoted_or_left_out(admin, who):
    admin.connect(47634, "2001:db8::1")
    admin.connect(1025, "fe80::1%eth0")

    answer = await admin.ask("GET", f"/clients/{who}")

    assert answer.status == 200
    assert answer.json["port"] == int(who.strip("]").rpartition(":")[2])


@pytest.mark.parametrize("who", WHO)
async def test_delete_ends_the_connection_and_shows_whose_it_was(admin, alice, who):
    answer = await admin.ask("DELETE", f"/clients/{who}")

    assert answer.status == 200
    assert answer.json == ALICE
    assert alice.outlet.close_reason is CloseReason.KICKED
    assert admin.changes == [(Change.CONNECTED, "10.0.0.1:47634"), (Change.KICKED, "10.0.0.1:47634")]
    assert (await admin.ask("GET", "/clients")).json == {"clients": [], "total": 0, "matching": 0, "next": None}


@pytest.fixture
def away(admin):
    """A client whose connection broke 2.5 s ago."""
    client = admin.connect(47634, mode=Mode.FRAMES, session="s")
    admin.chat.rename(client, "alice")
    admin.chat.connection_lost(client, client.outlet)
    admin.now += 2.5
    return client


async def test_c26_a_client_that_is_away_is_listed_behind_those_that_are_here(admin, away):
    admin.connect(1025)

    [first, second] = (await admin.ask("GET", "/clients")).json["clients"]

    assert (first["port"], first["away_s"]) == (1025, None)
    assert (second["port"], second["nick"], second["away_s"]) == (47634, "alice", 2.5)


@pytest.mark.parametrize("who", ["47634", "10.0.0.1:47634", "c1", "alice", "ALICE", "[alice]"])
async def test_c26_a_client_that_is_away_is_shown_and_ended_by_any_of_its_names(admin, away, who):
    shown = (await admin.ask("GET", f"/clients/{quote(who)}")).json
    ended = await admin.ask("DELETE", f"/clients/{quote(who)}")

    assert ended.status == 200
    assert shown == ended.json
    assert shown["id"] == away.id
    assert (await admin.ask("GET", "/clients")).json == {"clients": [], "total": 0, "matching": 0, "next": None}
    assert admin.chat.directory.with_session("s") is None
    assert admin.changes[-1] == (Change.KICKED, "10.0.0.1:47634")


async def test_a_connected_client_is_ended_by_its_nick(admin, alice):
    assert (await admin.ask("DELETE", "/clients/Alice")).json == ALICE
    assert (await admin.ask("DELETE", "/clients/Alice")).status == 404


async def test_a_member_is_ended_in_all_places_by_its_nick_and_in_one_by_its_id(admin, alice):
    others = [admin.connect(port) for port in (1025, 1026)]
    for client in (alice, *others):
        admin.chat.places.enter_as(client, "a" * 16, "alice", "password")

    shown = (await admin.ask("GET", "/clients/alice")).json
    one = (await admin.ask("DELETE", f"/clients/{others[1].id}")).json
    left = list(admin.chat.clients)
    all_of_them = (await admin.ask("DELETE", "/clients/alice")).json

    assert (shown["id"], shown["places"]) == ("c1", 3)
    assert (one["id"], left) == (others[1].id, [alice, others[0]])
    assert (all_of_them["id"], all_of_them["places"]) == ("c1", 2)
    assert not admin.chat.clients


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("who", ["1025", "10.0.0.2:47634", "[::1]:47634", "c2"])
async def test_a_client_that_is_not_there_is_404(admin, alice, method, who):
    answer = await admin.ask(method, f"/clients/{who}")

    assert answer.status == 404
    assert answer.json["status"] == 404
    assert who in answer.json["detail"]
    assert alice.outlet.close_reason is None


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a1_a_shared_port_is_409_and_names_each_client_by_a_path_that_works(admin, method):
    addresses = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "fe80::1%eth0"]
    clients = [admin.connect(47634, address) for address in addresses]

    answer = await admin.ask(method, "/clients/47634")

    assert answer.status == 409
    assert [client.outlet.close_reason for client in clients] == [None] * 4
    candidates = answer.json["candidates"]
    assert [candidate["who"] for candidate in candidates] == [client.peer for client in clients]
    assert not any(set("[] ") & set(candidate["path"]) for candidate in candidates)  # curl takes them for a pattern
    for candidate in candidates:
        assert (await admin.ask(method, candidate["path"])).json["id"] == candidate["id"]


WEIRD = ["0", "65536", "-1", "abc", "+1", "047634", "4_7634", "１２", "٤", "47634 ", "\0", "47634\0", "..", "c0", "c１"]
WEIRD += [
    "/47634",
    "1:2:3",
    ":47634",
    "10.0.0.1:",
    "::1:47634",
    "9" * 10_000,
    "c" + "9" * 10_000,
    "\r\n47634",
    "🙂",
    "*",
]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("who", WEIRD, ids=ascii)
async def test_a2_an_invalid_port_is_refused_as_a_problem(admin, alice, method, who):
    answer = await admin.ask(method, f"/clients/{quote(who, safe='')}")

    assert answer.status in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    assert len(admin.chat.clients) == 1


@pytest.mark.parametrize(
    "path", ["../47634", "../clients/1", "%2e%2e/47634", "%ff", "%", "%4", "%zz", "47634/..", ";47634"]
)
async def test_a2_paths_that_climb_or_are_broken_are_refused_as_a_problem(admin, alice, path):
    answer = await admin.ask("DELETE", f"/clients/{path}")

    assert answer.status in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(admin.chat.clients) == 1


async def test_a2_a_million_digits_are_refused_before_they_are_read(admin, alice):
    answer = await admin.ask("DELETE", "/clients/" + "4" * 1_000_000)

    assert answer.status == answer.json["status"] == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(admin.chat.clients) == 1


async def test_a3_the_second_of_two_deletes_finds_nobody(admin, alice):
    answers = [(await admin.ask("DELETE", "/clients/47634")).status for _ in range(2)]

    assert answers == [200, 404]


async def test_a3_of_a_hundred_deletes_at_once_one_succeeds(admin, alice):
    statuses = []
    is_connected = trio.Event()

    async def end() -> None:
        async with await admin.site.connect() as stream:
            await is_connected.wait()
            await stream.send_all(b"DELETE /clients/47634 HTTP/1.0\r\nHost: localhost\r\n\r\n")
            statuses.append(bytes(await stream.receive_some(12))[-3:])

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(end)
            await trio.testing.wait_all_tasks_blocked()
            is_connected.set()

    assert sorted(statuses) == [b"200"] + [b"404"] * 99
    assert [change for change, _ in admin.changes] == [Change.CONNECTED, Change.KICKED]
