"""Things said under keys: each that is acknowledged was said, once and in its order."""

import itertools
from typing import Any

import pytest
import trio
import trio.testing

from tests.server.sessions.test_frames import SECRET, call, enter
from trio_chat.chat.events import Draft, Entry
from trio_chat.journal.batch import Batch


def said(text: str, key: str, **fields: object) -> dict:
    return {"type": "say", "room": "lobby", "text": text, "key": key} | fields


@pytest.mark.parametrize("first", ["tell", "say"])
async def test_c22_a_key_made_from_that_of_a_private_message_is_a_key_like_any_other(open_server, first: str) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, nick="alice")
        bob = await enter(server, session=SECRET[:-1] + "b", nick="bob")
        tell = {"type": "tell", "to": "bob", "text": "psst", "key": "k"}
        for key in ("k", "j", "k" * 63):
            requests = [tell | {"key": key}, said("aloud", f"{key}>")]
            await alice.send_at_once(*(requests if first == "tell" else requests[::-1]))

            assert {(await alice.answer())[0] for _ in requests} == {"entry"}
            assert {(await bob.until("entry", author="alice"))["text"] for _ in requests} == {"psst", "aloud"}


KEYED = (
    said("one", "k"),
    said("other", "k"),
    {"type": "act", "room": "lobby", "text": "one", "key": "k"},
    {"type": "topic", "room": "lobby", "text": "one", "key": "k"},
    {"type": "tell", "to": "bob", "text": "one", "key": "k"},
    {"type": "tell", "to": "carol", "text": "one", "key": "k"},
    {"type": "say", "room": "den", "text": "one", "key": "k"},
)


@pytest.mark.parametrize("is_at_once", [True, False])
@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(KEYED, 2)])
async def test_c22_a_key_is_for_one_thing_and_for_another_it_is_refused_and_not_said(
    open_server, first: dict, second: dict, is_at_once: bool
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, nick="alice", rooms=["lobby", "den"])
        for name in ("bob", "carol"):
            await enter(server, session=name * 8, nick=name)
        heard: list[Draft] = []
        deliver = server.chat.deliver
        server.chat.deliver = lambda entries: (heard.extend(it.draft for it in entries), deliver(entries))[1]

        if is_at_once:
            await alice.send_at_once(first, second)
        else:
            await alice.send(**first)
            await alice.until("entry", key="k")
            await alice.send(**second)
        refusal = await alice.until("error", key="k")
        await alice.send(**first)
        again = await alice.until("entry", key="k", again=True)

        assert refusal["code"] == "key-used"
        assert (again["kind"], again["text"]) == (
            {"say": "said", "act": "acted", "tell": "told"}.get(first["type"], "topic"),
            first["text"],
        )
        copies = 2 if first["type"] == "tell" else 1
        assert [draft.text for draft in heard if draft.text in ("one", "other")] == [first["text"]] * copies


def said_lines(*lines: str) -> dict:
    return {"type": "say", "room": "lobby", "lines": list(lines), "key": "k"}


@pytest.mark.parametrize("other", [("x", "b", "", "c"), ("a", "b", "c"), ("x", "a", "b", "", "c")])
async def test_c22_a_key_of_several_lines_is_for_all_of_them(open_server, other: tuple[str, ...]) -> None:
    lines = ("a", "b", "", "c")
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET, nick="alice"), await enter(server, session="bob" * 8)
        await bob.send(**said_lines("before") | {"key": "b"})
        await bob.until("entry", key="b")
        await alice.send(**said_lines(*lines))
        first = await alice.until("entry", key="k")
        await bob.send(**said_lines("behind") | {"key": "c"})
        await bob.until("entry", key="c")

        await alice.send(**said_lines(*other))
        refusal = await alice.until("error", key="k")
        await alice.send(**said_lines(*lines))

        assert refusal["code"] == "key-used"
        assert await alice.until("entry", key="k", again=True) == first | {"again": True}


@pytest.mark.parametrize(
    "change",
    [{"type": "leave", "room": "den"}, {"type": "nick", "nick": "zoe"}],
)
async def test_a_repeat_of_a_kept_message_is_acknowledged_whatever_has_changed_since(open_server, change: dict) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, nick="alice", rooms=["lobby", "den"])
        bob = await enter(server, session="bob" * 8, nick="bob")
        requests = [
            said("hi", "s", room="#Den"),
            said("waves", "a", type="act", room="den"),
            said(" bears", "t", type="topic", room="den"),
            {"type": "tell", "to": "BOB", "text": "psst", "key": "p"},
        ]
        await alice.send_at_once(*requests)
        first = {key: await alice.until("entry", key=key) for key in "satp"}
        await alice.send(**change)
        await alice.until("done")
        await bob.send(type="bye")
        await bob.line.rest()

        await alice.send_at_once(*requests)

        for key, entry in first.items():
            assert await alice.until("entry", key=key) == entry | {"again": True}


async def test_a_repeat_that_is_refused_while_the_first_is_being_kept_is_acknowledged(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, nick="alice", rooms=["den"])
        journal = server.context.journal
        held: list[Any] = []
        monkeypatch.setattr(journal, "_submit", held.append)  # a slow disk
        await alice.send(**said("hi", "s", room="den"))
        await trio.testing.wait_all_tasks_blocked()

        again = await call(server)
        await again.send(type="hello", protocol=1, session=SECRET, rooms=[])
        await trio.testing.wait_all_tasks_blocked()
        await again.send_at_once({"type": "leave", "room": "den"}, said("hi", "s", room="den"))
        await trio.testing.wait_all_tasks_blocked()
        while held:
            journal._keep(held.pop(0))
            await trio.testing.wait_all_tasks_blocked()

        assert (await again.until("entry", key="s"))["text"] == "hi"


class Fault:
    """A store that can keep nothing for a while."""

    def __init__(self, server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_on = False
        self._journal = server.context.journal
        self._keep = self._journal._keep
        monkeypatch.setattr(self._journal, "_submit", self._keep_or_fail)

    def _keep_or_fail(self, batch: Batch) -> None:
        if self.is_on:
            self._journal.begin(batch)
            batch.error = "the disk is full"
            self._journal.record_outcome(batch)
            self._journal.finish(batch)
        else:
            self._keep(batch)


async def test_behind_what_could_not_be_kept_all_that_has_a_key_is_refused_until_it_is_repeated_in_its_order(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice, bob = await enter(server, session=SECRET), await enter(server)
        fault = Fault(server, monkeypatch)

        async def answers(*keys: str) -> str:
            await alice.send_at_once(*(said(key, key) for key in keys))
            found = []
            while len(found) < len(keys):
                if (answer := await alice.receive()).get("key") in keys:
                    found.append(f"{answer['key']} {answer.get('code', 'kept')}")
            return ", ".join(sorted(found))

        fault.is_on = True
        assert await answers("a") == "a not-kept"
        fault.is_on = False
        assert await answers("b", "c") == "b not-kept, c not-kept"
        await alice.send(type="say", room="lobby", text="without a key")
        await alice.send(type="who", room="lobby", key="w")
        await alice.until("members")
        assert await answers("c", "d") == "c not-kept, d not-kept"
        fault.is_on = True
        assert await answers("a", "b") == "a not-kept, b not-kept"
        fault.is_on = False
        assert await answers("a", "c", "b") == "a kept, b kept, c not-kept"
        assert await answers("c", "d", "e") == "c kept, d kept, e kept"

        heard = [(await bob.until("entry", kind="said"))["text"] for _ in range(6)]
        assert heard == ["without a key", "a", "b", "c", "d", "e"]


async def test_a_repeat_of_a_kept_message_is_acknowledged_while_nothing_can_be_kept(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET)
        fault = Fault(server, monkeypatch)
        await alice.send(**said("hi", "s"))
        first = await alice.until("entry", key="s")
        fault.is_on = True

        await alice.send(**said("hi", "s"))

        assert await alice.receive() == first | {"again": True}


async def test_what_was_removed_is_acknowledged_when_it_is_said_again_and_something_in_another_room_is_not(
    open_server,
) -> None:
    async with open_server() as server:
        alice = await enter(server, session=SECRET, nick="alice", rooms=["lobby", "den"])
        await alice.send(**said("secret", "k"))
        entry_id = (await alice.until("entry", key="k"))["id"]
        (entry,) = await server.context.journal.read("lobby", limit=1, after=entry_id - 1, before=entry_id + 1)
        assert isinstance(entry, Entry)
        await server.chat.remove(entry).receipt.kept()
        assert (await alice.until("entry", kind="removed"))["removes"] == entry_id

        await alice.send(**said("secret", "k"))
        again = await alice.until("entry", key="k")
        await alice.send(**said("other", "k", room="den"))
        refused = await alice.until("error", key="k")

        assert (again["id"], again["kind"], again["again"]) == (entry_id, "removed", True)
        assert refused["code"] == "key-used"
