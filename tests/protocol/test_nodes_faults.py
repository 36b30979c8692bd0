"""Faults of the Redis that several servers share: all of them are told, and go on together in one order."""

import json
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.faults.redis_way import RedisWay
from tests.protocol.conftest import NODE_LEASE_S, Peer, Server, running_server
from tests.protocol.nodes import StartNode, clients_of, until
from tests.protocol.test_faults_storage import set_clock
from tests.protocol.test_frames import HELLO, SECRET, Frames, as_line
from tests.protocol.test_operators import ask
from tests.redis_server import RedisServer

Heal = Callable[[], object]


def fill(redis: RedisServer, _copy: Path) -> Heal:
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    return lambda: redis.ask("CONFIG", "SET", "maxmemory", "0")


def make_replica(redis: RedisServer, _copy: Path) -> Heal:
    redis.ask("REPLICAOF", "127.0.0.1", "1")
    return lambda: redis.ask("REPLICAOF", "NO", "ONE")


def flush(redis: RedisServer, _copy: Path) -> None:
    redis.ask("FLUSHALL")


def restore(redis: RedisServer, copy: Path) -> None:
    redis.kill()
    put_back(redis, copy)
    redis.start()


def put_back(redis: RedisServer, copy: Path) -> None:
    """Let Redis have the files of a copy at its next start."""
    shutil.rmtree(redis.folder / "appendonlydir")
    shutil.copytree(copy, redis.folder / "appendonlydir")


def history_of(server: Server) -> list[tuple[int, str]]:
    """Return what was said in the lobby."""
    entries = ask(server, "GET", "/rooms/lobby/entries?limit=200")["entries"]
    return [(it["id"], it["text"]) for it in entries if it.get("kind") == "said"]


def says(peer: Peer, text: str, *readers: Peer) -> None:
    """Say a line until it was kept, and wait until all read it."""
    peer.send(f"{text}\n".encode())
    for reader in readers:
        reader.until(f"> {text}")


def log_of(server: Server) -> list[str]:
    """Stop a server. -> the lines of its log, which is written by a thread, and whole once it has ended"""
    assert server.stop() == 0
    return server.process.communicate()[1].decode().splitlines()


def check_logs(servers: tuple[Server, ...], sentence: str) -> None:
    """Check that each server has said what happened, in few lines."""
    for server in servers:
        log = log_of(server)
        assert not [line for line in log if "Traceback" in line], log
        assert [line for line in log if re.search(sentence, line)], log
        assert len(log) < 12, log


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (fill, "the memory of Redis is full"),
        (make_replica, "is a replica, which cannot be written to"),
    ],
)
def test_m9_people_on_all_nodes_are_told_that_nothing_can_be_sent_and_go_on_together(
    node: StartNode, redis: RedisServer, tmp_path: Path, harm: Callable[[RedisServer, Path], Heal], sentence: str
) -> None:
    servers = node("one"), node("two")
    peers = tuple(server.join() for server in servers)
    says(peers[0], "before", peers[1])

    heal = harm(redis, tmp_path)
    for server in servers:
        until(lambda server=server: re.search(sentence, ask(server, "GET", "/health").get("reason", "")))
    for peer in peers:
        peer.send(b"lost\n")
        peer.until_match(r"not sent|not known")
    heal()
    for server in servers:
        until(lambda server=server: ask(server, "GET", "/health")["status"] == "ok")
    says(peers[0], "after", peers[1])
    says(peers[1], "last", peers[0])

    histories = [history_of(server) for server in servers]
    assert histories[0] == histories[1]
    assert [text for _, text in histories[0] if text != "lost"] == ["before", "after", "last"]
    check_logs(servers, sentence)


@pytest.mark.parametrize("harm", [flush, restore])
def test_m9_where_redis_lost_entries_all_nodes_say_so_and_go_on_in_one_order(
    node: StartNode, redis: RedisServer, tmp_path: Path, harm: Callable[[RedisServer, Path], None]
) -> None:
    servers = node("one"), node("two")
    peers = tuple(server.join() for server in servers)
    says(peers[0], "early", peers[1])
    shutil.copytree(redis.folder / "appendonlydir", tmp_path / "copy")
    says(peers[1], "lost", peers[0])
    [*_, (newest, _)] = history_of(servers[0])
    carol = Frames.enter(servers[0], nick="carol")

    harm(redis, tmp_path / "copy")
    for peer in peers:
        peer.until_match("messages that you have seen may be lost")
    carol.until("bye", reason="epoch")
    for number, peer in enumerate(peers):
        until(lambda peer=peer, number=number: is_said(peer, f"after {number}"))
        peers[1 - number].until(f"> after {number}")

    histories = [history_of(server) for server in servers]
    assert histories[0] == histories[1]
    kept = ["early"] if harm is restore else []
    assert [text for _, text in histories[0]] == [*kept, "after 0", "after 1"]
    assert all(number > newest for number, text in histories[0] if text.startswith("after"))
    check_logs(servers, "Redis lost entries that people have seen: .*: the chat has a new epoch")


def is_said(peer: Peer, text: str) -> bool:
    """Say a line. -> whether it was kept"""
    peer.send(f"{text}\n/nick\n".encode())
    return not any("not sent" in line for line in peer.all_until_match(r"you (are|have)|nick"))


def test_m9_a_redis_restored_while_no_node_runs_gives_no_id_twice(
    node: StartNode, redis: RedisServer, tmp_path: Path
) -> None:
    one, two = node("one"), node("two")
    alice, bob = one.join(), two.join()
    says(alice, "early", bob)
    shutil.copytree(redis.folder / "appendonlydir", tmp_path / "copy")
    says(bob, "lost", alice)
    for server in (one, two):
        assert server.stop() == 0
    restore(redis, tmp_path / "copy")

    one, two = node("one"), node("two")
    alice, bob = one.join(), two.join()
    says(alice, "after", bob)

    assert [text for _, text in history_of(one)] == ["early", "after"] == [text for _, text in history_of(two)]


def test_who_goes_to_a_node_that_has_read_less_gets_nothing_twice_and_is_told_of_no_gap(node: StartNode) -> None:
    one, two = node("one"), node("two")
    bob = Frames.enter(one, nick="bob")
    seen: dict[str, object] = {}
    for visit in range(6):
        alice = Frames.enter(one, nick="alice", session=SECRET, **seen)
        with two.stopped():
            for number in range(50):
                bob.send(type="say", room="lobby", text=f"{visit} {number}", key=f"{visit} {number}")
            newest = alice.until("entry", text=f"{visit} 49")["id"]
            alice.peer.close()
            seen = {"epoch": alice.welcome["epoch"], "since": {"lobby": newest, "@": newest}}
            peer = Peer(socket.create_connection(("127.0.0.1", two.port)))
            peer.send(as_line({**HELLO, "session": SECRET, **seen}) + as_line({"type": "ping", "key": "p"}))
        frames = [json.loads(line) for line in peer.all_until_match('"pong"')]
        peer.close()

        assert [frame["type"] for frame in frames] == ["welcome", "pong"]


def kill(redis: RedisServer) -> Heal:
    redis.kill()
    return redis.start


def pause(redis: RedisServer) -> Heal:
    redis.signal(signal.SIGSTOP)
    return lambda: redis.signal(signal.SIGCONT)


@pytest.mark.parametrize("harm", [kill, pause])
def test_m9_who_comes_back_while_redis_does_not_answer_gets_all_that_they_missed_once_it_does(
    node: StartNode, redis: RedisServer, harm: Callable[[RedisServer], Heal]
) -> None:
    one = node("one")
    alice = Frames.enter(one, nick="alice", session=SECRET)
    bob = Frames.enter(one, nick="bob")
    alice.peer.close()
    until(lambda: any(it["nick"] == "alice" and it["away_s"] is not None for it in clients_of(one)))
    bob.send(type="say", room="lobby", text="missed", key="1")
    bob.send(type="tell", to="alice", text="missed", key="2")
    for room in ("lobby", "@"):
        bob.until("entry", room=room, text="missed")
    assert one.stop() == 0  # so that it has to read from Redis
    one = node("one")

    heal = harm(redis)
    alice = Frames.enter(one, session=SECRET, since={"lobby": 0, "@": 0}, epoch=alice.welcome["epoch"])
    alice.until("ping")  # it is told that the server is there, which has asked Redis in vain by then
    heal()
    frames = [alice.receive()]
    while frames[-1].get("text") != "missed" or frames[-1]["room"] != "lobby":
        frames.append(alice.receive())

    assert [frame for frame in frames if frame["type"] == "gap"] == []
    assert [frame["room"] for frame in frames if frame.get("text") == "missed"] == ["@", "lobby"]


@pytest.fixture
def way(redis: RedisServer) -> Iterator[RedisWay]:
    with closing(RedisWay(redis.port)) as way:
        yield way


def test_who_follows_live_entries_on_a_node_that_has_read_less_gets_none_twice(
    node: StartNode, way: RedisWay, tmp_path: Path
) -> None:
    url = f"redis://127.0.0.1:{way.port}/0?node=two&lease={NODE_LEASE_S}"
    one = node("one")
    with running_server(tmp_path / "two", "--journal", url) as two:
        bob = Frames.enter(one, nick="bob")
        way.cut()
        bob.send(type="say", room="lobby", text="seen", key="1")
        newest = bob.until("entry", text="seen")["id"]
        headers = f"Host: localhost\r\nLast-Event-ID: 1-1-{newest}\r\n"
        follower = Peer(socket.create_connection(("127.0.0.1", two.admin_port)))
        follower.send(f"GET /events?types=entry HTTP/1.1\r\n{headers}\r\n".encode())
        follower.until_match("^event: gap")
        way.mend()
        bob.send(type="say", room="lobby", text="next", key="2")

        lines = follower.all_until_match('"text":"next"')
        follower.close()

        assert not [line for line in lines if "seen" in line]


@pytest.mark.slow
def test_m9_a_node_that_is_cut_off_from_redis_says_so_and_is_one_of_all_again(
    node: StartNode, redis: RedisServer, way: RedisWay, tmp_path: Path
) -> None:
    url = f"redis://127.0.0.1:{way.port}/0?node=one&lease={NODE_LEASE_S}"
    with running_server(tmp_path / "one", "--journal", url) as one:
        two = node("two")
        alice, bob = one.join(), two.join()
        carol = Frames.enter(one, nick="carol", session=SECRET)
        says(alice, "before", bob)
        until(lambda: len(clients_of(two)) == 3)

        way.cut()
        bob.until(f"[127.0.0.1:{alice.port}] left the chat ***")
        until(lambda: "does not answer" in ask(one, "GET", "/health").get("reason", ""))
        alice.send(b"ghost\n")
        alice.until_match("not sent|not known|out of reach")
        says(bob, "meanwhile")
        until(lambda: "meanwhile" in str(history_of(two)))
        way.mend()

        until(lambda: ask(one, "GET", "/health")["status"] == "ok")
        assert b"out of reach" in carol.peer.rest()  # they are told to connect again, and are who they were
        again = Frames.enter(one, session=SECRET)
        assert (again.welcome["resumed"], again.welcome["you"]["label"]) == (True, "carol")
        dave = one.join()
        says(dave, "after", bob)
        histories = [history_of(server) for server in (one, two)]
        assert histories[0] == histories[1]
        assert [text for _, text in histories[0]] == ["before", "meanwhile", "after"]
        check_logs((one,), "out of reach for too long")


@pytest.mark.slow
def test_m9_a_clock_of_one_node_that_jumps_makes_nobody_leave_and_changes_no_order(
    node: StartNode, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    set_clock(site, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        one = node("one")
    two = node("two")
    alice, bob = one.join(), two.join()
    says(alice, "first", bob)

    heard: list[str] = []
    for count, jump_s in enumerate((3600, -3600), 3):
        set_clock(site, jump_s)
        says(bob, f"{jump_s} two", alice)
        says(alice, f"{jump_s} one", bob)
        newcomer = two.join()
        heard += bob.until(f"[127.0.0.1:{newcomer.port}] joined the chat ***")
        until(lambda count=count: len(clients_of(one)) == len(clients_of(two)) == count)
        for server in (one, two):
            assert all(it["idle_s"] is None or it["idle_s"] >= 0 for it in clients_of(server))

    assert not [line for line in heard if "left" in line]
    histories = [history_of(server) for server in (one, two)]
    assert histories[0] == histories[1]
    said = ["3600 two", "3600 one", "-3600 two", "-3600 one"]
    assert [text for _, text in histories[0]] == ["first", *said]
    times = [it["time"] for it in ask(one, "GET", "/rooms/lobby/entries?limit=200")["entries"]]
    assert times == sorted(times)  # they are those of Redis
