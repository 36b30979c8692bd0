"""Topics that are summed up, in a running server: over a kill, a stop and the server's own tick."""

import signal

from tests.protocol.test_sessions import OTHER, SECRET, Frames, as_line

COUNT = 60
LAST = f"topic {COUNT - 1}"
TOPICS = b"".join(
    as_line({"type": "topic", "room": "lobby", "text": f"topic {number}", "key": f"k{number}"})
    for number in range(COUNT)
)


def answered(client: Frames) -> set[str]:
    """Wait until each topic is answered. -> the types of the answers"""
    answers: dict[str, str] = {}
    while len(answers) < COUNT:
        frame = client.next()
        if frame.get("key", "").startswith("k"):
            answers[frame["key"]] = frame["type"]
    return set(answers.values())


def test_c16_60_topics_in_a_row_are_all_answered_and_few_are_told(server) -> None:
    reader, alice = server.join(), Frames(server, session=SECRET)

    alice.peer.send(TOPICS)

    assert answered(alice) == {"entry", "done"}
    assert len([line for line in reader.until(f"set the topic: {LAST} ***") if "topic" in line]) <= COUNT // 4


def test_m1_after_a_kill_topics_that_gave_way_do_not_come_back_over_the_newer_one(start) -> None:
    server = start()
    alice, bob = Frames(server, session=SECRET), Frames(server, session=OTHER)
    alice.peer.send(TOPICS)
    bob.until("entry", kind="topic", text=LAST)
    bob.send(type="topic", room="lobby", text="newer", key="n")
    bob.until("entry", key="n")
    server.stop(signal.SIGKILL)

    server = start()
    again = Frames(server, session=SECRET)
    again.peer.send(TOPICS)

    assert answered(again) == {"entry", "done"}
    again.send(type="rooms", key="r")
    assert [room["topic"] for room in again.until("roomlist")["rooms"]] == ["newer"]


def test_m1_topics_that_were_not_acknowledged_before_a_kill_are_set_when_they_are_repeated(start) -> None:
    server = start()
    alice, bob = Frames(server, session=SECRET), Frames(server, session=OTHER)
    alice.peer.send(TOPICS)
    bob.until("entry", kind="topic", text="topic 0")  # the others wait for the tick, most likely
    server.stop(signal.SIGKILL)

    server = start()
    again = Frames(server, session=SECRET)
    again.peer.send(TOPICS)

    assert answered(again) == {"entry", "done"}
    again.send(type="rooms", key="r")
    assert [room["topic"] for room in again.until("roomlist")["rooms"]] == [LAST]


def test_m6_a_topic_that_is_held_back_at_a_stop_is_told_before_it_and_there_after_a_restart(start) -> None:
    server = start()
    reader, alice = server.join(), server.join()
    alice.send(b"".join(b"/topic topic %d\n" % number for number in range(COUNT)))
    reader.until("set the topic: topic 0 ***")  # all are read by then

    status = server.stop()

    assert status == 0
    assert f"set the topic: {LAST} ***" in reader.rest().decode()
    after = start().join()
    after.send(b"/topic\n")
    assert after.until(" ***")[-1] == f"*** the topic of #lobby: {LAST} ***"
