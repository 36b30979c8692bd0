"""Several servers on one Redis: one chat, in one order, whatever server somebody is on."""

import threading

from tests.protocol.nodes import StartNode, clients_of, until
from tests.protocol.test_frames import HELLO, Frames
from tests.protocol.test_names import claim_by_lines
from tests.protocol.test_remembering import leave, leave_messages, log_in, refusal

LINES = 100


def test_a_line_said_on_one_node_is_read_on_the_other_and_nobody_reads_their_own(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = one.join(), two.join()

    alice.send(b"hello\n")
    bob.until(f"[127.0.0.1:{alice.port}]> hello")
    bob.send(b"hi\n")
    heard = alice.until(f"[127.0.0.1:{bob.port}]> hi")

    assert not any(line.endswith("> hello") for line in heard)


def test_all_nodes_read_one_order(node: StartNode) -> None:
    servers = [node("one"), node("two")]
    readers = [Frames.enter(server, nick=f"reader-{server.port}") for server in servers]
    writers = [server.join() for server in servers]

    def write(number: int) -> None:
        for line in range(LINES):
            writers[number].send(f"{number}.{line}\n".encode())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(writers))]
    for thread in threads:
        thread.start()
    heard = [[read_said(reader) for _ in range(2 * LINES)] for reader in readers]
    for thread in threads:
        thread.join()

    assert heard[0] == heard[1]
    ids = [number for number, _ in heard[0]]
    assert ids == sorted({*ids})
    for number in range(2):
        assert [text for _, text in heard[0] if text.startswith(f"{number}.")] == [
            f"{number}.{line}" for line in range(LINES)
        ]


def read_said(reader: Frames) -> tuple[int, str]:
    entry = reader.until("entry", kind="said")
    return entry["id"], entry["text"]


def test_since_goes_on_where_one_was_on_whatever_node(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = Frames.enter(one), two.join()
    bob.send(b"seen\n")
    seen, _ = read_said(alice)
    epoch = alice.welcome["epoch"]
    alice.peer.close()
    bob.send(b"missed\n")
    Frames.enter(one).until_page()  # the line has come to the first node, too

    for server in (two, one):
        again = Frames(server, **HELLO, since={"lobby": seen}, epoch=epoch)
        assert again.until("welcome")["epoch"] == epoch
        assert read_said(again)[1] == "missed"


def test_a_node_that_is_started_again_has_missed_nothing(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice = Frames.enter(two)
    one.process.kill()
    one.process.wait()
    alice.send(type="say", room="lobby", text="meanwhile", key="k")
    alice.until("entry", key="k")

    again = node("one").join()
    again.send(b"/history 5\n")

    again.until("> meanwhile")


def test_a_node_that_starts_while_others_are_busy_misses_nothing_and_doubles_nothing(node: StartNode) -> None:
    one = node("one")
    alice, bob = Frames.enter(one), one.join()
    bob.send(b"first\n")
    first, _ = read_said(alice)
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            alice.send(type="say", room="lobby", text=str(number), key=str(number))
            alice.until("entry", key=str(number))
            number += 1
        bob.send(b"last\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        two = node("two")
        late = Frames(two, **HELLO, since={"lobby": first}, epoch=alice.welcome["epoch"])
        late.until("welcome")
    finally:
        is_over.set()
        thread.join()
    said = []
    while not said or said[-1] != "last":
        said.append(read_said(late)[1])

    assert said == [*map(str, range(len(said) - 1)), "last"]


def test_messages_that_wait_are_counted_on_all_nodes_until_they_are_read_on_any(node: StartNode) -> None:
    one, two = node("one"), node("two")
    leave(claim_by_lines(one))
    bob, carol = Frames.enter(one, nick="bob"), Frames.enter(two, nick="carol")
    until(lambda: "bob" in [it["nick"] for it in clients_of(two)])  # and so it knows that alice has left
    leave_messages(bob, 50)
    assert refusal(bob, "k50") == "full"
    bob.send(type="say", room="lobby", text="done", key="done")
    carol.until("entry", text="done")
    assert refusal(carol, "c") == "full"  # the share is that of their address
    carol.peer.close()
    until(lambda: [it["nick"] for it in clients_of(one, "?away=false")] == ["bob"])

    alice, lines = log_in(two)
    assert any("50 private messages" in line for line in lines)
    leave(alice)

    until(lambda: refusal(bob, "k50") == "")  # once this node has heard of it
    until(lambda: [it["nick"] for it in clients_of(one)] == ["bob"])
    leave_messages(bob, 40, first=51)  # it is away, and counted from none again


def test_whoever_claims_a_name_is_not_put_out_by_a_node_that_knows_them_as_a_guest(node: StartNode) -> None:
    one, _ = node("one"), node("two")

    for letter in "abcdefgh":
        owner = claim_by_lines(one, name=f"owner-{letter}")
        owner.send(b"/topic\n")
        owner.until("has no topic ***")
        leave(owner)
