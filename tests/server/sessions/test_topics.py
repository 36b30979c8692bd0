"""Topics that are summed up, as those who set them see it: in frames and in lines, over breaks and faults."""

from collections.abc import Sequence

import pytest
import trio
import trio.testing

from tests.server.sessions.test_frames import SECRET, Frames, enter
from tests.server.sessions.test_keyed import Fault
from trio_chat.chat.topics import TOPICS_PER_TICK
from trio_chat.server.sessions.bounds import INPUTS_PER_TURN

OTHER = SECRET[:-1] + "b"


def topic(text: str, key: str = "", room: str = "lobby") -> dict:
    return {"type": "topic", "room": room, "text": text, "key": key}


async def fill(client: Frames) -> None:
    """Set as many topics as are told at once in one tick."""
    await client.send_at_once(*(topic(f"early {number}", f"early{number}") for number in range(TOPICS_PER_TICK)))
    for number in range(TOPICS_PER_TICK):
        await client.until("entry", key=f"early{number}")


async def held(server, count: int) -> None:
    """Return when so many topics are held back, or gave way."""
    while server.chat.notices._topics._size < count:
        await trio.lowlevel.checkpoint()


async def answers(client: Frames, *keys: str) -> dict[str, str]:
    """The answers by key: the type of the frame, or the code of an error."""
    found: dict[str, str] = {}
    while found.keys() != set(keys):
        frame = await client.receive()
        if (key := frame.get("key")) in keys:
            found[key] = frame.get("code", frame["type"])
    return found


async def topics_heard(client: Frames, last: str) -> list[str]:
    """The topics that a client is sent, and their sums, up to the last one."""
    sent = await client.up_to("entry", kind="topic", text=last)
    return [frame["text"] for frame in sent if frame.get("kind") in ("topic", "crowd")]


async def hold_two(server) -> tuple[Frames, Frames]:
    """Let alice's topic `old` be held back, and give way to bob's topic `new`. -> alice, bob"""
    alice, bob = await enter(server, session=SECRET), await enter(server, session=OTHER)
    await fill(alice)
    await alice.send_at_once(topic("old", "a"))
    await held(server, 1)
    await bob.send_at_once(topic("new", "b"))
    await held(server, 2)
    return alice, bob


async def test_topics_that_gave_way_are_answered_done_and_the_last_one_by_its_entry(open_server) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)
        bob = await enter(server)
        await fill(alice)
        await topics_heard(bob, f"early {TOPICS_PER_TICK - 1}")
        await alice.send_at_once(*(topic(f"topic {number}", f"k{number}") for number in range(10)))
        await held(server, 10)

        server.chat.tick()

        assert await answers(alice, *(f"k{number}" for number in range(10))) == {
            f"k{number}": "done" for number in range(9)
        } | {"k9": "entry"}
        assert await topics_heard(bob, "topic 9") == ["the topic was changed 9 times", "topic 9"]


async def test_nobody_is_answered_done_before_the_topic_that_took_the_place_is_kept(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice, bob = await hold_two(server)
        journal = server.context.journal
        batches: list = []
        monkeypatch.setattr(journal, "_submit", batches.append)  # a slow disk

        server.chat.tick()
        await trio.testing.wait_all_tasks_blocked()
        [batch] = batches
        with trio.move_on_after(0) as early:
            await alice.until("done")
        journal._keep(batch)

        assert early.cancelled_caught
        assert await answers(alice, "a") == {"a": "done"}
        assert (await bob.until("entry", key="b"))["text"] == "new"


@pytest.mark.parametrize("engine", ["memory:", "sqlite:"])
async def test_a_topic_that_gave_way_and_is_repeated_after_a_break_does_not_come_back_over_the_newer_one(
    open_server, tmp_path, engine: str
) -> None:
    async with open_server(journal_url=engine, data=tmp_path) as server:
        alice, bob = await hold_two(server)
        await alice.line.stream.aclose()
        server.chat.tick()
        await bob.until("entry", key="b")

        again = await enter(server, session=SECRET)
        await again.send_at_once(topic("old", "a"))
        at_once = await answers(again, "a")
        await again.send_at_once(topic("else", "a"))
        misused = await answers(again, "a")
        for _ in range(2):  # the same while others flap
            await bob.send_at_once(*(topic(f"newer {number}") for number in range(TOPICS_PER_TICK + 1)))
            await held(server, 1)
            await again.send_at_once(topic("old", "a"), topic("else", "a"))
            while_held = [(await again.until(kind))["key"] for kind in ("done", "error")]
            server.chat.tick()
            await topics_heard(bob, f"newer {TOPICS_PER_TICK}")

        assert (at_once, misused, while_held) == ({"a": "done"}, {"a": "key-used"}, ["a", "a"])
        assert server.chat.rooms["lobby"].topic == f"newer {TOPICS_PER_TICK}"


async def test_a_topic_that_is_repeated_while_it_is_held_back_is_one_change(open_server) -> None:
    async with open_server() as server:
        alice, bob = await hold_two(server)
        await alice.line.stream.aclose()
        again = await enter(server, session=SECRET)

        await again.send_at_once(topic("old", "a"), topic("else", "a"))
        await bob.send_at_once(topic("new", "b"))  # read when the first is kept
        await held(server, 4)
        server.chat.tick()

        assert [(await again.until(kind))["key"] for kind in ("done", "error")] == ["a", "a"]
        assert (await bob.until("entry", key="b", again=True))["text"] == "new"
        assert server.chat.rooms["lobby"].topic == "new"


async def test_a_topic_that_was_told_long_ago_takes_no_later_ones_place_when_it_is_repeated(open_server) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET), await enter(server, session=OTHER)
        await alice.send_at_once(topic("old", "a"))
        first = await alice.until("entry", key="a")
        server.chat.tick()
        await fill(bob)
        await bob.send_at_once(topic("new", "b"))
        await held(server, 1)

        await alice.send_at_once(topic("old", "a"))
        again = await alice.until("entry", key="a")
        server.chat.tick()

        assert again == first | {"again": True}
        assert (await bob.until("entry", key="b"))["text"] == "new"
        assert server.chat.rooms["lobby"].topic == "new"


async def test_topics_held_back_that_cannot_be_kept_are_refused_to_everyone_and_repeated_in_order(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET), await enter(server, session=OTHER)
        fault = Fault(server, monkeypatch)
        await fill(alice)
        await alice.send_at_once(topic("old", "a1"), topic("older", "a2"))
        await held(server, 2)
        await bob.send_at_once(topic("new", "b"))
        await held(server, 3)
        fault.is_on = True

        server.chat.tick()
        refused = await answers(alice, "a1", "a2"), await answers(bob, "b")
        fault.is_on = False
        await alice.send_at_once(topic("older", "a2"))
        behind = await answers(alice, "a2")
        await alice.send_at_once(topic("old", "a1"), topic("older", "a2"))
        await alice.until("entry", key="a2")
        await bob.send_at_once(topic("new", "b"))
        await bob.until("entry", key="b")

        assert refused == ({"a1": "not-kept", "a2": "not-kept"}, {"b": "not-kept"})
        assert behind == {"a2": "not-kept"}
        assert server.chat.rooms["lobby"].topic == "new"


async def test_a_topic_behind_something_that_could_not_be_kept_is_not_held_back_but_refused(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)
        fault = Fault(server, monkeypatch)
        await fill(alice)
        fault.is_on = True

        await alice.send_at_once({"type": "say", "room": "lobby", "text": "one", "key": "s"}, topic("two", "t"))

        assert await answers(alice, "s", "t") == {"s": "not-kept", "t": "not-kept"}
        fault.is_on = False
        server.chat.tick()
        assert server.chat.rooms["lobby"].topic == f"early {TOPICS_PER_TICK - 1}"


async def test_a_line_with_the_key_of_a_topic_that_is_held_back_costs_nobody_the_topic(open_server) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET, rooms=["lobby", "den"]), await enter(server, session=OTHER)
        await fill(bob)
        await bob.send_at_once(topic("bob's", "b"))
        await held(server, 1)
        await alice.send_at_once(topic("alice's", "k"), {"type": "say", "room": "den", "text": "hi", "key": "k"})

        assert (await alice.until("error", key="k"))["code"] == "key-used"
        assert await answers(bob, "b") == {"b": "done"}
        assert server.chat.rooms["lobby"].topic == "alice's"


@pytest.mark.parametrize("does", [topic("mine", "t"), {"type": "ping", "key": "t"}])
async def test_a_client_that_is_kicked_while_its_topic_waits_leaves_nothing_behind(open_server, does: dict) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET, nick="alice"), await enter(server)
        await fill(alice)
        await alice.send_at_once(topic("last", "k"), does)
        await held(server, 1)

        server.chat.kick(server.chat.directory.known_as("alice"))
        sent = await bob.up_to("entry", kind="kicked")
        server.chat.tick()

        assert [frame["text"] for frame in sent if frame.get("kind") == "topic"][-1] in ("last", "mine")
        assert not server.chat.notices._topics._held


async def test_in_lines_60_topics_in_a_row_from_two_clients_are_told_and_asked_for(open_server) -> None:
    async with open_server() as server:
        reader, alice, bob = await server.join(b"\n"), await server.join(b"\n"), await server.join(b"\n")
        count = INPUTS_PER_TURN + 60
        for name, line, sum_held in (("a", alice, count - TOPICS_PER_TICK), ("b", bob, 2 * count - TOPICS_PER_TICK)):
            await line.send(b"".join(f"/topic {name}{number}\n".encode() for number in range(count)) + b"/topic\n")
            await held(server, sum_held)

        server.chat.tick()
        seen = [await _until(line, "set the topic: b", "*** the topic of #lobby: b") for line in (reader, alice, bob)]

        changes = [[it for it in lines if "topic" in it and "] set the topic: a" not in it] for lines in seen]
        winner = seen[0][-1]
        assert winner.endswith(f"set the topic: b{count - 1} ***")
        assert changes[0] == [f"*** the topic was changed {2 * count - TOPICS_PER_TICK - 1} times ***", winner]
        assert changes[1][-1] == winner
        assert changes[2][-1] == f"*** the topic of #lobby: b{count - 1} ***"
        assert await alice.line() == f"*** the topic of #lobby: b{count - 1} ***"


async def _until(line, *beginnings: str) -> Sequence[str]:
    lines = [await line.line()]
    while not any(beginning in lines[-1] for beginning in beginnings):
        lines.append(await line.line())
    return lines


async def test_in_lines_a_topic_held_back_that_could_not_be_kept_is_not_sent(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        reader, alice = await server.join(b"\n"), await server.join(b"\n")
        fault = Fault(server, monkeypatch)
        await alice.send(b"".join(b"/topic %d\n" % number for number in range(9)))
        await held(server, 9 - TOPICS_PER_TICK)
        await _until(reader, "set the topic: 2")
        fault.is_on = True

        server.chat.tick()

        assert await _until(alice, "not sent") == ["*** not sent: the disk is full (6 lines) ***"]
        assert server.chat.rooms["lobby"].topic == "2"


async def test_a_topic_of_an_operator_is_kept_at_once_though_others_flap(open_server) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET), await enter(server)
        await fill(alice)
        await alice.send_at_once(topic("last", "k"))
        await held(server, 1)

        await server.chat.set_topic_as_server(server.chat.rooms["lobby"], "from above").kept()

        assert await answers(alice, "k") == {"k": "done"}
        assert (await topics_heard(bob, "from above"))[-2:] == ["the topic was changed once", "from above"]
