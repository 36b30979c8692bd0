"""Every command of the table, typed over `nc` and in our client: who is sent what. A new command needs an example."""

from dataclasses import dataclass

import pytest

from tests.server.conftest import Line, RunningServer
from tests.server.sessions.test_frames import enter as enter_in_frames
from trio_chat.chat.command_table import Command, Effect
from trio_chat.chat.commands import COMMANDS, asks
from trio_chat.chat.events import LOBBY, Entry, Kind
from trio_chat.chat.typed_line import read_line
from trio_chat.client.transcript.input import Local, meaning_of
from trio_chat.wire import frames

EXAMPLES = {
    "help": "",
    "who": "",
    "nick": "carol",
    "me": "waves",
    "msg": "bob psst",
    "join": "ops",
    "leave": "",
    "rooms": "",
    "stickers": "",
    "topic": "food",
    "history": "5",
    "search": "cheese",
    "mentions": "",
    "whois": "bob",
    "register": "short",
    "login": "zoe wrong-password",
    "password": "wrong-password",
    "keys": "",
    "key": "remove SHA256:x",
    "invite": "code",
    "quit": "",
}
"""An argument for each command. Alice types it in #dev, where bob and eve are, too."""

BARE = [(name, "") for name, it in COMMANDS.items() if it.effect is Effect.SAYS and it.usage.startswith("[")]
"""Commands that say something, typed without the argument that they can do without."""

LACKING = [name for name, it in COMMANDS.items() if it.usage and not it.usage.startswith("[")]
"""Commands that need an argument."""

TYPED = [*EXAMPLES.items(), *BARE]


END = "[server]> end"


@dataclass
class Dev:
    """The room #dev. Bob and eve, who speak lines, have read everything up to the start."""

    server: RunningServer
    bob: Line
    eve: Line
    last_id: int

    async def kept(self) -> list[Entry]:
        """The entries of clients since the start, except in the lobby."""
        past = await self.server.context.journal.read(None, limit=100, after=self.last_id)
        entries = [it for it in past if isinstance(it, Entry)]
        return [it for it in entries if it.draft.kind is not Kind.ANNOUNCED and it.draft.room != LOBBY]

    async def check_others(self, command: Command, argument: str, kept: list[Entry]) -> None:
        """Check what bob and eve are sent of a command that alice typed. The end was announced."""
        to_bob, to_eve = [await lines_up_to(other, END) for other in (self.bob, self.eve)]
        if command.effect is Effect.TELLS:
            assert (len(to_bob), len(to_eve)) == (1, 0)
        elif says(command, argument):
            assert (len(to_bob), len(kept)) == (1, 1)
            assert to_bob == to_eve
        elif command.effect is Effect.CHANGES:
            assert to_bob == to_eve
        else:
            assert (to_bob, to_eve, kept) == ([], [], [])


def says(command: Command, argument: str) -> bool:
    return command.effect is Effect.SAYS and (bool(argument) or not command.asks_when_bare)


async def lines_up_to(plain: Line, end: str) -> list[str]:
    """The next lines, up to one that begins so."""
    lines: list[str] = []
    while not (line := await plain.line()).startswith(end):
        lines.append(line)
    return lines


async def enter(server: RunningServer, name: str) -> Line:
    plain = await server.connect()
    await plain.send(f"/nick {name}\n/join dev\n".encode())
    await lines_up_to(plain, "*** you are in #dev")
    return plain


async def open_dev(server: RunningServer) -> Dev:
    bob, eve = await enter(server, "bob"), await enter(server, "eve")
    server.chat.announce_in([room.name for room in server.chat.rooms], ["start"])
    for plain in (bob, eve):
        await lines_up_to(plain, "[server]> start")
    return Dev(server, bob, eve, server.context.journal.last_id)


def test_every_command_has_an_example() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys(), "give each command a row of EXAMPLES, at the top of this file"


@pytest.mark.parametrize(("name", "argument"), TYPED)
def test_the_row_of_a_command_says_whether_it_asks(name: str, argument: str) -> None:
    command = COMMANDS[name]
    is_speech = command.effect is Effect.TELLS or says(command, argument)

    assert asks(read_line(f"/{name} {argument}")) == (not is_speech)


@pytest.mark.parametrize(("name", "argument"), TYPED)
async def test_over_nc_the_author_of_a_command_sees_its_outcome_once(open_server, name: str, argument: str) -> None:
    command = COMMANDS[name]
    async with open_server() as server:
        alice = await enter(server, "alice")
        dev = await open_dev(server)
        await lines_up_to(alice, "[server]> start")

        await alice.send(f"/{name} {argument}\n/nonsense\n".encode())
        if name == "quit":
            assert await alice.rest() == b"*** you have left ***\n"
            sent = ["the end of the connection"]
            server.chat.announce_in([room.name for room in server.chat.rooms], ["end"])
        else:
            sent = await lines_up_to(alice, "*** unknown command /nonsense")
            server.chat.announce_in([room.name for room in server.chat.rooms], ["end"])
            sent += await lines_up_to(alice, END)

        kept = await dev.kept()
        if says(command, argument):  # what it typed is on its screen already
            assert len(sent) == (kept[0].draft.text != argument), (
                f"say it by `call.say` or `call.act` alone, or by a draft that names no `client`: {sent}"
            )
        else:
            assert sent, "answer by a TextReply"
        await dev.check_others(command, argument, kept)


@pytest.mark.parametrize("name", LACKING)
async def test_over_nc_a_command_that_lacks_its_argument_is_answered(open_server, name: str) -> None:
    async with open_server() as server:
        alice = await enter(server, "alice")

        await alice.send(f"/{name}\n/nonsense\n".encode())

        answer = await lines_up_to(alice, "*** unknown command /nonsense")
        assert answer, "give the command `missing`, or let its function raise ChatError"


@pytest.mark.parametrize(("name", "argument"), TYPED)
async def test_in_our_client_the_author_of_a_command_sees_its_outcome_once(
    open_server, name: str, argument: str
) -> None:
    command = COMMANDS[name]
    request = meaning_of(f"/{name} {argument}", "dev", 1.8e9)
    async with open_server() as server:
        alice = await enter_in_frames(server, rooms=["lobby", "dev"], nick="alice")
        dev = await open_dev(server)
        await alice.until("entry", room="dev", text="start")

        if not isinstance(request, Local):  # else our client does it
            await alice.line.send(frames.encode(request))
        await alice.send(type="leave", room="lobby", key="end")  # answered once everything kept is sent
        sent = await alice.up_to("done", key="end")
        kept = await dev.kept()
        server.chat.announce_in([room.name for room in server.chat.rooms], ["end"])

        texts = [frame["text"] for frame in sent if frame["type"] == "entry" and frame["author"] == "alice"]
        answers = [line for frame in sent if frame["type"] == "output" for line in frame["lines"]]
        if command.effect is Effect.TELLS or says(command, argument):
            assert texts == [it.draft.text for it in kept[-1:]]
            assert texts, "answer its request, in frame_requests.py, by an entry that has its key"
            assert answers == [], "the entry is sent to our client: say it by `call.say` or `call.act` alone"
        await dev.check_others(command, argument, kept)
