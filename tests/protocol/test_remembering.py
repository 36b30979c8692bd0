"""Messages that wait for a member, and what the server remembers of one, at each door and after kill -9."""

import signal

from tests.protocol.test_frames import HELLO, Frames
from tests.protocol.test_names import OURS, PASSWORD, claim_by_lines
from tests.protocol.test_operators import ask

PROOF = {"proof": {"password": PASSWORD}}


def guest(server, nick: str, **fields: object) -> tuple[Frames, dict]:
    """Let somebody enter in frames. -> the client, and the welcome"""
    client = Frames(server, **HELLO, nick=nick, key="h", **fields)
    return client, client.until("welcome")


def come_back(server, **fields: object) -> tuple[Frames, dict]:
    """Let alice come back in frames. -> the client, and the welcome"""
    return guest(server, "alice", **PROOF, **fields)


def log_in(server, *, name: str = "alice"):
    """Let a member come back over `nc`. -> the connection, and the lines up to the first answer after the log-in"""
    peer = server.join()
    peer.send(f"/login {name} {PASSWORD}\n/topic\n".encode())
    return peer, peer.until("has no topic ***")


def leave(peer) -> None:
    peer.send(b"/quit\n")
    peer.until("you have left ***")


def test_a_message_waits_for_a_member_over_nc_and_is_shown_once(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    bob = server.join()
    bob.send(b"/nick bob\n/msg alice one\n/msg ALICE two\n/msg nobody three\n")
    bob.until("nobody here is called nobody ***")
    server.stop(signal.SIGKILL)

    server = start()
    alice, lines = log_in(server)
    at = lines.index(OURS)
    assert lines[at + 1].startswith("*** 2 private messages")
    assert [line.split(" ", 2)[2] for line in lines[at + 2 : at + 4]] == [
        "[bob -> alice®]> one",
        "[bob -> alice®]> two",
    ]
    leave(alice)

    again, lines = log_in(server)
    assert not [line for line in lines if "private message" in line or "one" in line]
    leave(again)
    server.stop()
    _, lines = log_in(start())
    assert not [line for line in lines if "private message" in line]


def test_messages_that_were_shown_are_not_shown_again_after_kill_9(start) -> None:
    """A client over `nc` acknowledges nothing: they are read when anything is answered behind them."""
    server = start()
    leave(claim_by_lines(server))
    for number in range(3):
        bob = server.join()
        bob.send(f"/nick bob\n/msg alice number {number}\n/quit\n".encode())
        bob.until("you have left ***")
        _, lines = log_in(server)
        assert sum(f"number {number}" in line for line in lines) == 1
        server.stop(signal.SIGKILL)
        server = start()

    _, lines = log_in(server)
    assert not [line for line in lines if "private message" in line or "number" in line]


def test_the_sender_in_frames_is_told_that_it_waits_and_news_tell_the_number(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    bob, _ = guest(server, "bob")
    bob.send(type="tell", to="alice", text="psst", key="t")
    assert bob.until("waits", key="t")["to"] == "alice"
    bob.until("entry", key="t")

    alice, welcome = come_back(server)
    assert welcome["member"]["rooms"] == ["lobby"]
    assert alice.until("news")["waiting"] == 1
    alice.send(type="history", room="@", key="p")
    (entry,) = alice.until("page", key="p")["entries"]
    assert (entry["text"], entry["to"]) == ("psst", "alice")
    alice.send(type="read", room="@", id=entry["id"])
    alice.send(type="bye")

    alice, welcome = come_back(server)
    assert welcome["member"]["marks"]["@"][0] == entry["id"]
    assert "waiting" not in alice.until("news")


def test_a_flood_to_one_member_is_bounded_and_told_to_its_sender(start) -> None:
    server = start("--rate", "0")
    leave(claim_by_lines(server))
    bob, _ = guest(server, "bob")

    for number in range(51):
        bob.send(type="tell", to="alice", text="x", key=f"k{number}")

    assert bob.until("error", key="k50")["code"] == "full"


def leave_messages(client: Frames, count: int, *, first: int = 0) -> None:
    """Leave alice messages, and wait until they are kept."""
    for number in range(first, first + count):
        client.send(type="tell", to="alice", text="x", key=f"k{number}")
    wanted = {f"k{number}" for number in range(first, first + count)}
    while wanted:
        wanted.discard(client.until("entry").get("key"))


def refusal(client: Frames, key: str) -> str:
    """Leave alice one more message. -> the code of the error"""
    client.send(type="tell", to="alice", text="x", key=key)
    while (frame := client.receive()).get("key") != key or frame["type"] not in ("error", "entry"):
        pass
    return frame.get("code", "")


def test_the_bound_of_a_sender_holds_over_kill_9_and_a_repeat_counts_once(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    session = "b" * 32
    bob, _ = guest(server, "bob", session=session)
    leave_messages(bob, 30)
    server.stop(signal.SIGKILL)

    server = start()
    bob, _ = guest(server, "bob", session=session)
    leave_messages(bob, 50)  # the first 30 of them again, as after a break
    assert refusal(bob, "k50") == "full"
    server.stop(signal.SIGKILL)

    server = start()
    bob, _ = guest(server, "bob", session=session)
    leave_messages(bob, 1, first=49)  # what is kept is acknowledged, and not refused
    other = server.connect(source=("127.0.0.2", 0))
    other.send(b"/nick carol\n/msg alice hi\n/quit\n")
    assert "*** to [alice®]: hi ***" in other.until("you have left ***")
    assert refusal(bob, "k50") == "full"
    assert refusal(guest(server, "dave")[0], "k0") == "full"  # under another nick, from the same address

    alice, _ = come_back(server)
    assert alice.until("news")["waiting"] == 51
    alice.send(type="history", room="@", limit=60, key="p")
    newest = max(entry["id"] for entry in alice.until("page", key="p")["entries"])
    alice.send(type="read", room="@", id=newest)
    alice.send(type="bye")
    alice.peer.rest()
    assert refusal(bob, "k50") == ""


def test_the_bound_of_a_member_holds_over_a_restart_whoever_sends(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    owner = claim_by_lines(server, name="bob")
    owner.send("".join(f"/msg alice {number}\n" for number in range(50)).encode())
    owner.until("to [alice®]: 49 ***")
    leave(owner)
    for number in range(9):
        other = server.connect(source=(f"127.0.0.{number + 2}", 0))
        other.send(b"/msg alice hi\n" * 50 + b"/quit\n")
        other.until("you have left ***")
    server.stop()

    server = start()
    carol = server.connect(source=("127.0.0.99", 0))
    carol.send(b"/msg alice hi\n")
    carol.until("as many messages wait for [alice®] as may: more when they have read them ***")
    bob = server.join()
    bob.send(f"/login bob {PASSWORD}\n/msg alice 50\n".encode())
    bob.until("50 messages of yours wait for [alice®]: more when they have read them ***")


def test_rooms_ignores_and_marks_are_remembered_and_shared(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    alice, _ = come_back(server)
    alice.send(type="join", room="dev", key="j")
    alice.until("joined", key="j")
    alice.send(type="ignored", names=["mallory"], key="i")
    alice.until("done", key="i")
    other, _ = come_back(server, rooms=["dev"])
    alice.send(type="say", room="dev", text="hi", key="s")
    entry = alice.until("entry", key="s")
    alice.send(type="read", room="dev", id=entry["id"])
    assert other.until("read") == {"type": "read", "room": "dev", "id": entry["id"]}
    alice.send(type="read", room="dev", id=entry["id"] - 1)
    alice.send(type="read", room="elsewhere", id=entry["id"])
    for client in (alice, other):
        client.send(type="bye")
        client.peer.rest()
    bob = server.join()
    bob.send(b"/nick bob\n/join dev\nnews\nalice: look\n/topic\n")
    bob.until("has no topic ***")
    server.stop()

    server = start()
    back, welcome = come_back(server, rooms=["lobby"], remembered=True)
    assert {room["name"] for room in welcome["rooms"]} == {"lobby", "dev"}
    member = welcome["member"]
    assert (member["ignored"], set(member["rooms"])) == (["mallory"], {"lobby", "dev"})
    assert member["marks"]["dev"][0] == entry["id"]
    assert back.until("news")["rooms"]["dev"] == [2, 1]


def test_what_was_read_just_before_a_stop_is_remembered(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    alice, _ = come_back(server)
    for number in range(3):
        alice.send(type="say", room="lobby", text="hi", key=f"s{number}")
        entry = alice.until("entry", key=f"s{number}")
        alice.send(type="read", room="lobby", id=entry["id"])  # marks are kept once a second, and the first at once

    alice.send(type="ping", key="p")
    alice.until("pong", key="p")
    assert server.stop() == 0

    _, welcome = come_back(start())
    assert welcome["member"]["marks"]["lobby"][0] == entry["id"]


def come_back_to(server, unseen: bytes):
    """Let bob say `seen`, and more lines while alice is away. -> bob, alice, and her lines since she came back"""
    owner, bob = claim_by_lines(server), server.join()
    bob.send(b"/nick bob\nseen\n")
    owner.until("[bob]> seen")
    leave(owner)
    bob.send(unseen + b"/topic\n")
    bob.until("has no topic ***")
    return bob, *log_in(server)


def test_over_nc_a_mark_moves_with_what_is_sent_and_a_line_shows_where_one_stopped(start) -> None:
    _bob, alice, lines = come_back_to(start(), b"alice: unseen\nunseen too\n")

    assert "*** #lobby: 2 new, 1 for you ***" in lines
    alice.send(b"/history 3\n/topic\n")
    shown = [line.split(" ", 2)[2] for line in alice.until("has no topic ***") if "seen" in line or "left off" in line]
    assert shown[0] == "[bob]> seen"
    assert shown[1].endswith("where you left off ***")
    assert shown[2:] == ["[bob]> alice: unseen", "[bob]> unseen too"]


def history(peer, number: int) -> list[str]:
    """Ask for so many lines. -> those that were said, without times, and the line where one left off, shortened"""
    peer.send(f"/history {number}\n/topic\n".encode())
    rows = peer.until("has no topic ***")
    return [row.partition("]> ")[2] or row.partition(" since")[0].partition(":")[0] for row in rows if _is_past(row)]


def _is_past(row: str) -> bool:
    return "]> " in row or "left off" in row


def test_over_nc_the_line_stands_above_the_first_that_is_shown_where_all_is_new(start) -> None:
    bob, alice, _ = come_back_to(start(), b"one\ntwo\nthree\n")

    between, above, without_place = (history(alice, number) for number in (4, 3, 2))
    bob.send(b"live\n")
    alice.until("[bob]> live")
    of_what_was_heard = history(alice, 1)

    assert between == ["seen", "*** new", "one", "two", "three"]
    assert above == ["*** new", "one", "two", "three"]
    assert without_place == ["*** all of this is new", "two", "three"]  # `one` is new, and not shown
    assert of_what_was_heard == ["live"]


def test_one_reads_ones_own_conversations_alone(start) -> None:
    server = start()
    owner = claim_by_lines(server)
    bob = server.join()
    bob.send(b"/nick bob\n/msg alice first secret\n")
    owner.until("[bob -> alice®]> first secret")
    bob.until("to [alice®]: first secret ***")
    owner.send(b"/history @bob\n/search in:@bob secret\n/search in:@carol secret\n")
    assert "[bob -> alice®]> first secret" in owner.until("nothing found ***")[0]

    bob.send(b"/history @alice\n")  # a guest over nc has no mailbox that is its own for ever
    bob.until("/login NAME, or /register the one that you have ***")
    leave(owner)

    mallory, _ = guest(server, "mallory", session="m" * 32)
    for number, room in enumerate(("@", "@alice", "@bob")):
        mallory.send(type="history", room=room, key=f"h{number}")
        assert mallory.until("page", key=f"h{number}")["entries"] == []
        mallory.send(type="search", room=room, text="secret", key=f"s{number}")
        assert mallory.until("page", key=f"s{number}")["entries"] == []

    alice, _ = come_back(server)
    alice.send(type="history", room="@BOB", key="h")
    assert [it["text"] for it in alice.until("page", key="h")["entries"]] == ["first secret"]
    alice.send(type="search", text="in:@bob secret", key="s")
    assert [it["text"] for it in alice.until("page", key="s")["entries"]] == ["first secret"]


def test_a_conversation_of_two_members_is_found_by_the_name_of_the_other(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    carol, _ = guest(server, "carol")
    carol.send(type="register", proof={"password": PASSWORD}, key="r")
    carol.until("named", key="r")
    bob, _ = guest(server, "bob")
    alice, _ = come_back(server)

    for number, (client, other) in enumerate(((alice, "carol"), (carol, "alice"), (bob, "alice"), (bob, "carol"))):
        client.send(type="tell", to=other, text=f"word {number}", key=f"t{number}")
        client.until("entry", key=f"t{number}")

    for client, other in ((alice, "Carol"), (carol, "alice")):
        client.send(type="history", room=f"@{other}", key="h")
        assert [it["text"] for it in client.until("page", key="h")["entries"]] == ["word 0", "word 1"]
        client.send(type="search", text=f"in:@{other} word", key="s")
        assert [it["text"] for it in client.until("page", key="s")["entries"]] == ["word 0", "word 1"]


def test_a_later_owner_of_a_name_reads_nothing_of_the_former_one(start) -> None:
    server = start()
    leave(claim_by_lines(server))
    bob, _ = guest(server, "bob", session="b" * 32)
    bob.send(type="tell", to="alice", text="secret", key="t")
    bob.until("entry", key="t")

    ask(server, "DELETE", "/names/alice")
    leave(claim_by_lines(server))
    later, _ = come_back(server)

    assert "waiting" not in later.until("news")
    later.send(type="history", room="@bob", key="p")
    assert later.until("page", key="p")["entries"] == []
    bob.send(type="history", room="@alice", key="p")  # another alice than the one that was told
    assert bob.until("page", key="p")["entries"] == []


def test_members_are_told_nothing_before_log_in(start) -> None:
    server = start("--names", "members")
    stranger = Frames(server, **HELLO, nick="mallory", key="h")
    stranger.until("error", key="h")
    stranger.send(type="tell", to="alice", text="x", key="t")

    assert stranger.until("error", key="t")["code"] == "hello-first"


def test_nothing_is_remembered_of_guests(start) -> None:
    server = start()
    bob, welcome = guest(server, "bob")
    assert "member" not in welcome

    bob.send(type="ignored", names=["x"], key="i")
    bob.send(type="read", room="lobby", id=1)

    assert bob.until("error", key="i")["code"] == "usage"
