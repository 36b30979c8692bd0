"""Every way to prove a name, at every door: whoever has proven one is told what waited, and what is new.

A new way has to be added to the table: a test looks for what it may be missing.
"""

import ast
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec
import pytest

import trio_chat.server.sessions
from tests.protocol.conftest import Peer, Server, running_server
from tests.protocol.test_frames import Frames
from tests.protocol.test_names import PASSWORD, Key, challenge, say_hello
from tests.protocol.test_operators import ask
from trio_chat.server.sessions.name_questions import NameQuestion
from trio_chat.wire import frames

Door = Literal["hello", "register", "command", "lines", "prompt"]
OTHER_PASSWORD = "another secret"


class Member(NamedTuple):
    """Somebody who owns a name: by a key, by PASSWORD, and by an invite if their name was reset."""

    name: str
    key: Key
    code: str = ""


class Way(NamedTuple):
    """A way to prove a name: the door, how it is asked for there, and the steps."""

    door: Door
    request: str
    by: str
    take: Callable[[Server, Member], Frames | Peer]


def hello(server: Server, name: str, make_proof: Callable[[dict], dict], **fields: object) -> Frames:
    client = Frames(server, type="challenge", key="c")
    client.welcome = say_hello(client, nick=name, proof=make_proof(client.until("challenge", key="c")), **fields)
    return client


def by_hello(purpose: str = "login", password: str = "", **fields: object) -> Callable[[Server, Member], Frames]:
    def take(server: Server, member: Member) -> Frames:
        def make_proof(given: dict) -> dict:
            return {"password": password} if password else member.key.proof(given, name=member.name, purpose=purpose)

        more = fields | ({"invite": member.code} if member.code else {})
        return hello(server, member.name, make_proof, **more)

    return take


def by_hello_of_a_guest_who_resumes(server: Server, member: Member) -> Frames:
    session = f"{member.name:-<16}"
    guest = Frames.enter(server, nick="somebody", session=session)
    guest.peer.close()
    return by_hello(session=session)(server, member)


def guest(server: Server, name: str) -> Frames:
    """A guest who can claim a name, also one that belongs to somebody."""
    return Frames.enter(server, nick=f"guest-{name}", rooms=["lobby"])


def by_register(password: str = "") -> Callable[[Server, Member], Frames]:
    def take(server: Server, member: Member) -> Frames:
        client = guest(server, member.name)
        given = challenge(client)
        proof = {"password": password} if password else member.key.proof(given, name=member.name, purpose="claim")
        client.send(type="register", proof=proof, key="r")
        return client

    return take


def by_command(line: str) -> Callable[[Server, Member], Frames]:
    def take(server: Server, member: Member) -> Frames:
        client = guest(server, member.name)
        client.send(type="command", room="lobby", line=line.format(member), key="r")
        return client

    return take


def by_lines(*lines: str) -> Callable[[Server, Member], Peer]:
    def take(server: Server, member: Member) -> Peer:
        peer = server.connect()
        peer.send("".join(f"{line.format(member)}\n" for line in lines).encode())
        return peer

    return take


WAYS = [
    Way("hello", "proof", "key", by_hello()),
    Way("hello", "proof", "password", by_hello(password=PASSWORD)),
    Way("hello", "proof", "key of a guest who resumes", by_hello_of_a_guest_who_resumes),
    Way("hello", "invite", "key", by_hello("claim")),
    Way("hello", "invite", "password", by_hello(password=OTHER_PASSWORD)),
    Way("hello", "invite", "new key", by_hello("claim")),
    Way("hello", "invite", "new password", by_hello(password=OTHER_PASSWORD)),
    Way("register", "proof", "key", by_register()),
    Way("register", "proof", "new password", by_register(PASSWORD)),
    Way("command", "login", "password", by_command(f"/login {{0.name}} {PASSWORD}")),
    Way("command", "register", "new password", by_command(f"/register {PASSWORD}")),
    Way("lines", "login", "password", by_lines(f"/login {{0.name}} {PASSWORD}")),
    Way("lines", "login", "password that is asked for", by_lines("/login {0.name}", PASSWORD)),
    Way("lines", "register", "new password", by_lines("/nick {0.name}", f"/register {PASSWORD}")),
    Way("lines", "register", "new password, asked for", by_lines("/nick {0.name}", "/register", PASSWORD, PASSWORD)),
    Way("lines", "invite", "password", by_lines("/invite {0.code}", "{0.name}", OTHER_PASSWORD, OTHER_PASSWORD)),
    Way("lines", "invite", "new password", by_lines("/invite {0.code}", "{0.name}", PASSWORD, PASSWORD)),
    Way("prompt", "login", "password", by_lines(f"/login {{0.name}} {PASSWORD}")),
    Way("prompt", "login", "password that is asked for", by_lines("/login {0.name}", PASSWORD)),
    Way("prompt", "invite", "password", by_lines("/invite {0.code}", "{0.name}", OTHER_PASSWORD, OTHER_PASSWORD)),
    Way("prompt", "invite", "new password", by_lines("/invite {0.code}", "{0.name}", PASSWORD, PASSWORD)),
]


def is_for_new_names(way: Way) -> bool:
    return way.by.startswith("new ")


def titles(ways: list[Way]) -> list[str]:
    return [" ".join(way[:3]) for way in ways]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Way], Server]]:
    """Start the server that a way needs, once."""
    started: dict[tuple[str, ...], Server] = {}
    with ExitStack() as stack:

        def of(way: Way) -> Server:
            flags = ("--names", "members") if way.door == "prompt" else ()
            if flags not in started:
                started[flags] = stack.enter_context(running_server(tmp_path_factory.mktemp("data"), *flags))
            return started[flags]

        yield of


NUMBERS = itertools.count()


def hand_out(server: Server, name: str, **fields: object) -> tuple[Frames, Member]:
    """Hand a name out. -> its owner, who is here, and their proofs"""
    key = Key()
    code = ask(server, "POST", "/names", name=name)["invite"]["code"]
    client = hello(server, name, lambda given: key.proof(given, name=name, purpose="claim"), invite=code, **fields)
    client.send(type="command", room="lobby", line=f"/password {PASSWORD}", key="p")
    client.until("output", key="p")
    return client, Member(name, key)


def new_member(server: Server, way: Way) -> Member:
    """Let somebody be a member of #dev who has left, has news there, and a private message that waits."""
    name, sender = f"alice{next(NUMBERS)}", f"bob{next(NUMBERS)}"
    owner, member = hand_out(server, name, rooms=["lobby", "dev"])
    owner.send(type="ignored", names=["mallory"], key="i")
    owner.until("done", key="i")
    owner.send(type="bye")
    owner.peer.rest()
    bob, _ = hand_out(server, sender, rooms=["lobby", "dev"])
    for number, text in enumerate(("hello", f"{name}: look")):
        bob.send(type="say", room="dev", text=text, key=f"s{number}")
    bob.send(type="tell", to=name, text="psst", key="t")
    bob.until("waits", key="t")
    bob.until("entry", key="t")
    bob.send(type="bye")
    bob.peer.rest()
    if way.request == "invite":
        return member._replace(code=ask(server, "POST", f"/names/{name}/reset")["invite"]["code"])
    return member


def told_in_frames(client: Frames) -> tuple[dict, dict, dict]:
    """Read up to the news of a member. -> the frame with their name, what is remembered of them, and their news"""
    first: dict[str, Any] = getattr(client, "welcome", {})
    named = first if first.get("you", {}).get("account") else client.until("named")
    news = client.until("news")
    return named.get("you", named), named["member"], news


def is_kept(server: Server, name: str) -> bool:
    """Tell whether a server that is killed now would know the place."""
    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        found = db.execute("SELECT count(*) FROM place WHERE label = ? AND account <> '' AND mode <> 'person'", (name,))
        return found.fetchone() == (1,)


OF_OLD = [way for way in WAYS if not is_for_new_names(way)]
OF_NEW = [way for way in WAYS if is_for_new_names(way)]


@pytest.mark.parametrize("way", OF_OLD, ids=titles(OF_OLD))
def test_whoever_proves_their_name_is_told_what_waited_and_what_is_new(
    servers: Callable[[Way], Server], way: Way
) -> None:
    server = servers(way)
    member = new_member(server, way)

    client = way.take(server, member)

    if isinstance(client, Frames):
        you, memory, news = told_in_frames(client)
        assert (you["label"], bool(you["account"])) == (member.name, True)
        assert (memory["ignored"], set(memory["rooms"])) == (["mallory"], {"lobby", "dev"})
        assert news["rooms"]["dev"] == [2, 1]
        assert news["waiting"] == 1
    else:
        lines = client.until("#dev: 2 new, 1 for you ***")
        at = lines.index(f"*** you are [{member.name}®] now: the name is yours ***")
        assert lines[at + 1].startswith("*** 1 private message ")
        assert lines[at + 2].endswith(f"-> {member.name}®]> psst")
    assert is_kept(server, member.name)


@pytest.mark.parametrize("way", OF_NEW, ids=titles(OF_NEW))
def test_whoever_claims_a_new_name_is_told_so_and_nothing_is_new(servers: Callable[[Way], Server], way: Way) -> None:
    server = servers(way)
    code = ask(server, "POST", "/invites")["code"] if way.request == "invite" else ""
    member = Member(f"carol{next(NUMBERS)}", Key(), code)

    client = way.take(server, member)

    if isinstance(client, Frames):
        you, memory, news = told_in_frames(client)
        assert (you["label"], bool(you["account"])) == (member.name, True)
        assert (memory, news) == ({"rooms": [], "ignored": [], "marks": {}}, {"type": "news", "rooms": {}})
    else:
        told = f"you are [{member.name}®] now: the name is yours ***"
        client.until(told)
        client.send(b"/topic\n")
        assert client.until("has no topic ***") == ["*** #lobby has no topic ***"]
    assert is_kept(server, member.name)


def test_a_private_message_that_waited_is_found_up_to_the_id_that_named_tells_and_later_ones_come_by_themselves(
    servers: Callable[[Way], Server],
) -> None:
    way = next(way for way in WAYS if way.door == "command")
    server = servers(way)
    member = new_member(server, way)
    client = way.take(server, member)
    last_id = client.until("named")["last_id"]
    bob = Frames.enter(server, nick="bobby")
    bob.send(type="tell", to=member.name, text="later", key="t")

    assert client.until("entry", room="@")["text"] == "later"
    client.send(type="history", room="@", before=last_id + 1, key="h")
    assert [it["text"] for it in client.until("page", key="h")["entries"]] == ["psst"]


def test_a_program_that_sends_an_invite_by_a_command_is_told_where_it_belongs(
    servers: Callable[[Way], Server],
) -> None:
    client = guest(servers(OF_OLD[0]), "erin")

    client.send(type="command", room="lobby", line=f"/invite {'a' * 26}", key="i")

    assert (
        client.until("error", key="i")["text"]
        == "an invite is taken by `hello`, which has its code, a nick and a proof"
    )


def callers_of(name: str) -> set[str]:
    """The modules of sessions that call a function of that name."""
    found = set()
    for path in Path(trio_chat.server.sessions.__path__[0]).glob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if any(getattr(it, "id", getattr(it, "attr", "")) == name for it in calls):
            found.add(path.stem)
    return found


def test_the_table_has_every_frame_with_a_proof_and_every_request_that_asks_for_one_and_every_door() -> None:
    with_proof = {
        it.__struct_config__.tag
        for it in get_args(frames.AnyRequest)
        if any(frames.Proof in (field.type, *get_args(field.type)) for field in msgspec.structs.fields(it))
    }
    # /password is for a name that is proven already.
    asked = set(get_args(NameQuestion.__annotations__["what"])) - {"password"}
    doors = {
        "hello": "handshake",
        "register": "name_frames",
        "command": "name_requests",
        "lines": "name_requests",
        "prompt": "lines",
    }

    assert {way.door for way in WAYS if way.request in ("proof", "invite")} >= with_proof
    assert {way.request for way in WAYS if way.door == "lines"} == asked
    assert {way.request for way in WAYS if way.door == "prompt"} == asked - {"register"}
    assert {way.request for way in WAYS if way.door == "command"} == asked - {"invite"}  # that is for `hello`
    assert doors.keys() == {way.door for way in WAYS} == set(get_args(Door))
    assert callers_of("enter_proven") == set(doors.values())
    assert callers_of("arrive") == {"name_requests"}
    assert callers_of("enter_as") == {"arrivals"}
