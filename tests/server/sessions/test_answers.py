"""Every answer and refusal comes after the entries of what its reader said before, also in one packet."""

import pytest
import trio

from tests.server.conftest import Line
from tests.server.sessions.test_every_command import EXAMPLES
from tests.server.sessions.test_frames import enter
from trio_chat.chat import commands
from trio_chat.chat.command_table import Command, Effect, table_of
from trio_chat.chat.commands import COMMANDS
from trio_chat.wire import frames

SHOUT = Command(
    "shout",
    "TEXT",
    "",
    lambda call: call.say(call.argument.upper()),
    Effect.SAYS,
    missing="a text",
)
"""A command whose entry comes back to whoever typed it over `nc`: it says something else than was typed."""

REFUSED = {
    "missing": b"/shout\n",
    "unknown": b"/nonsense\n",
    "nobody": b"/msg nobody hi\n",
    "own": b"/msg alice hi\n",
    "bad-number": b"/history x\n",
    "long": b"x" * 5000 + b"\n",
    "long-topic": b"/topic " + b"x" * 400 + b"\n",
    "not-utf8": b"\xff\n",
    "frame": b'{"type":"tell","to":"bob","text":"hi"}\n',
    "hidden": b"\x1b[A/msg bob hi\n",
    "hidden without Escape": b"OA/msg bob hi\n",
    "hidden with Escape shown": b"^[[A/msg bob hi\n",
}
"""A line for each reason to refuse one."""

ANSWERED = {
    name: f"/{name} {argument}\n".encode()
    for name, argument in EXAMPLES.items()
    if COMMANDS[name].effect is not Effect.SAYS
}
"""A line for each command that answers whoever types it."""

REQUESTS = {
    "say": {"room": "nowhere", "text": "hi"},
    "act": {"room": "nowhere", "text": "hi"},
    "tell": {"to": "nobody", "text": "hi"},
    "topic": {"room": "nowhere", "text": "hi"},
    "join": {"room": "ops"},
    "leave": {"room": "lobby"},
    "nick": {"nick": "carol"},
    "who": {"room": "lobby"},
    "rooms": {},
    "stickers": {},
    "picture": {"name": "none.png"},
    "history": {"room": "lobby"},
    "search": {"text": "psst"},
    "command": {"room": "lobby", "line": "/shout"},
    "hello": {"protocol": 1},
    "challenge": {},
    "register": {"proof": {}},
    "ignored": {"names": []},
    "dance": {},
}
"""A request of each type that is answered, or refused where else an entry would answer."""


@pytest.fixture(autouse=True)
def _with_shout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMANDS", table_of((*COMMANDS.values(), SHOUT)))


async def meet(server) -> Line:
    """Let alice join, and then bob. -> alice's end, on which everything up to there is read"""
    alice = await server.join(b"/nick alice\n")
    bob = await server.join(b"/nick bob\n")
    assert await bob.line() == "*** you are [bob] now ***"
    while not (await alice.line()).endswith("is now [bob] ***"):
        pass
    return alice


async def send_once_kept(server, speaker: Line, first: bytes, second: bytes) -> None:
    """Send the second as soon as the first is durable, which may be before it is in the log of its room."""
    journal = server.context.journal
    last_id = journal.last_id
    await speaker.send(first)
    while journal.last_id == last_id:
        await trio.lowlevel.checkpoint()
    await speaker.send(second)


@pytest.mark.parametrize("line", {**REFUSED, **ANSWERED}.values(), ids={**REFUSED, **ANSWERED}.keys())
@pytest.mark.parametrize("is_one_packet", [True, False])
async def test_over_nc_an_answer_comes_after_what_was_said_before(
    open_server, line: bytes, is_one_packet: bool
) -> None:
    async with open_server() as server:
        alice = await meet(server)

        if is_one_packet:
            await alice.send(b"/shout x\n" + line)
        else:
            await send_once_kept(server, alice, b"/shout x\n", line)

        assert await alice.line() == "[alice]> X"
        assert await alice.line()


async def test_over_nc_confirmations_and_what_comes_back_stay_in_their_order(open_server) -> None:
    async with open_server() as server:
        alice = await meet(server)

        await alice.send(b"/shout a\n/msg bob b\n/shout c\nd\n/msg bob e\n/nonsense\n/shout f\n")
        seen = [await alice.line() for _ in range(6)]

        assert [line[:20] for line in seen] == [
            "[alice]> A",
            "*** to [bob]: b ***",
            "[alice]> C",
            "*** to [bob]: e ***",
            "*** unknown command ",
            "[alice]> F",
        ]


@pytest.mark.parametrize("before", ["say", "command"])
@pytest.mark.parametrize("kind", REQUESTS)
async def test_in_frames_an_answer_comes_after_the_entry_of_what_was_said_before(
    open_server, kind: str, before: str
) -> None:
    async with open_server() as server:
        alice = await enter(server, nick="alice")
        said = {"say": {"text": "psst"}, "command": {"line": "/shout psst"}}[before]

        await alice.send_at_once(
            {"type": before, "room": "lobby", "key": "a", **said}, {"type": kind, "key": "b", **REQUESTS[kind]}
        )
        sent = [await alice.receive()]
        while sent[-1].get("key") != "b":
            sent.append(await alice.receive())

        assert [frame["text"].lower() for frame in sent if frame.get("kind") == "said"] == ["psst"]


def test_every_request_that_is_answered_is_tried() -> None:
    silent = {"ping", "pong", "read", "bye"}
    types = {str(it.__struct_config__.tag) for it in frames.AnyRequest.__args__}

    assert types - silent - REQUESTS.keys() == set(), "give the request a row of REQUESTS, at the top of this file"
