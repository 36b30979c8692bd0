"""A chat for members over `nc` and in frames: invites, passwords that are asked for, and what strangers are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from tests.server.conftest import RunningServer
from tests.server.sessions.test_frames import call
from trio_chat.server.credentials.crypto import ThreadedCrypto
from trio_chat.server.sessions.name_prompt import NAME_TIMEOUT_S, NAME_TRIES
from trio_chat.server.sessions.name_requests import NEEDS_INVITE

PASSWORD = "correct horse"


@asynccontextmanager
async def open_for_members(open_server, **how: object) -> AsyncIterator[tuple[RunningServer, str]]:
    """Open a server for members. -> it, and the code of an invite that can be used twice"""
    async with open_server(**how) as server:
        server.chat.rules = replace(server.chat.rules, names="members")
        _, code = await server.context.accounts.make_invite(uses=2, expires_s=3600, by="test")
        yield server, code


async def lines_up_to(line, text: str) -> list[str]:
    lines = [await line.line()]
    while text not in lines[-1]:
        lines.append(await line.line())
    return lines


async def test_an_invite_makes_somebody_a_member_who_is_asked_for_what_is_missing(open_server) -> None:
    async with open_for_members(open_server) as (server, code):
        carol = await server.connect()

        await carol.send(f"/invite {code}\n-\ncarol\n{PASSWORD}\nother password\n".encode())
        await lines_up_to(carol, "two passwords")
        await carol.send(f"{PASSWORD}\n{PASSWORD}\nhello\n/who\n".encode())

        lines = await lines_up_to(carol, "in #lobby")
        assert lines[-1] == "*** 1 in #lobby: [carol®] (you) ***"
        assert server.context.accounts.names.owner_of("carol")


async def test_c23_a_password_is_kept_and_compared_without_the_keys_among_it(open_server) -> None:
    async with open_for_members(open_server) as (server, code):
        carol = await server.connect()
        await carol.send(f"/invite {code}\n-\ncarol\n\x1b[A{PASSWORD}\n{PASSWORD}x\x7f\n/who\n".encode())
        await lines_up_to(carol, "1 in #lobby: [carol")

        again = await server.connect()
        await again.send(f"/login carol\n{PASSWORD}\n/login carol\n\x1b[D{PASSWORD}\n/who\n".encode())
        await lines_up_to(again, "in #lobby: [carol")


async def test_a_program_joins_by_an_invite_and_the_code_is_used_up(open_server) -> None:
    async with open_for_members(open_server) as (server, code):
        answers = []
        for nick in ("carol", "Carol", "dave", "erin"):
            client = await call(server)
            proof = {"password": PASSWORD}
            await client.send(type="hello", protocol=1, nick=nick, invite=code.upper(), proof=proof, key="h")
            frame = (await client.up_to("welcome") if nick in ("carol", "dave") else [await client.receive()])[-1]
            answers.append(frame.get("code", frame["type"]))

        assert answers == ["welcome", "name-claimed", "welcome", "invite"]


async def test_a_code_that_is_none_tells_nothing_of_names(open_server) -> None:
    async with open_for_members(open_server) as (server, _):
        await server.context.accounts.add("carol", by="test")
        told = []
        for nick in ("carol", "dave"):
            client = await call(server)
            proof = {"password": PASSWORD}
            await client.send(type="hello", protocol=1, nick=nick, invite="a" * 26, proof=proof, key="h")
            told.append((await client.receive())["text"])

        assert told[0] == told[1]


async def test_whoever_is_refused_too_often_is_hung_up_on(open_server) -> None:
    async with open_for_members(open_server) as (server, _):
        mallory = await server.connect()

        await mallory.send(b"hello\n" * NAME_TRIES)

        notices = f"*** {NEEDS_INVITE} ***\n".encode() * (NAME_TRIES + 1)
        assert await mallory.rest() == notices
        assert not server.changes


async def test_a_stranger_who_says_nothing_is_hung_up_on(open_server, autojump_clock) -> None:
    async with open_for_members(open_server) as (server, _):
        silent = await server.connect()

        rest = (await silent.rest()).decode()

        assert f"no name was proven within {NAME_TIMEOUT_S} s" in rest
        assert not server.changes


async def test_a_member_who_was_removed_while_the_password_was_checked_is_not_let_in(open_server) -> None:
    async with open_for_members(open_server) as (server, code):
        carol = await server.connect()
        await carol.send(f"/invite {code}\ncarol\n{PASSWORD}\n{PASSWORD}\n".encode())
        await lines_up_to(carol, "you are [carol®] now")
        accounts = server.context.accounts
        prove = accounts.prove

        async def prove_and_lose(*given: object):
            account = await prove(*given)
            await accounts.remove("carol")
            return account

        accounts.prove = prove_and_lose
        again = await server.connect()
        await again.send(f"/login carol {PASSWORD}\n".encode())

        assert b"you are" not in await again.rest()


async def test_a_name_whose_password_is_being_hashed_is_given_to_no_guest(open_server) -> None:
    hashing, may_end = trio.Event(), trio.Event()

    class SlowCrypto(ThreadedCrypto):
        async def hash(self, password: str) -> str:
            hashing.set()
            await may_end.wait()
            return await super().hash(password)

    async with open_server() as server:
        server.context.accounts._crypto = SlowCrypto()
        _, code = await server.context.accounts.make_invite(uses=1, expires_s=3600, by="test")
        carol, guest = await call(server), await server.connect()
        proof = {"password": PASSWORD}
        await carol.send(type="hello", protocol=1, nick="carol", invite=code, proof=proof, key="h")
        await hashing.wait()

        await guest.send("/nick \u0441arol\n".encode())  # with a Cyrillic first letter
        assert "somebody is claiming the nick" in (await lines_up_to(guest, "\u0441arol"))[-1]
        may_end.set()

        await carol.up_to("welcome")
        await guest.send(b"/nick carol\n/nick bob\n")
        await lines_up_to(guest, "the name [carol] belongs to somebody")
        await lines_up_to(guest, "bob")
