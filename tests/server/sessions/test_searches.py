"""Searches of clients: their turns, and their end with the connection."""

import json
import socket
import struct
from ipaddress import ip_network

import trio
import trio.testing

from trio_chat.server.transport.admission import AdmissionLimits

PATIENCE_S = 20


def proxied(address: str) -> bytes:
    return f"PROXY TCP4 {address} 127.0.0.1 77 5555\r\n".encode()


async def occupy(server) -> trio.CapacityLimiter:
    """Take all slots of searches. -> their limiter, which `release` frees"""
    limiter: trio.CapacityLimiter = server.context.journal._searches
    for number in range(int(limiter.total_tokens)):
        await limiter.acquire_on_behalf_of(number)
    return limiter


def release(limiter: trio.CapacityLimiter) -> None:
    for number in range(int(limiter.total_tokens)):
        limiter.release_on_behalf_of(number)


async def waiting(limiter: trio.CapacityLimiter, count: int) -> None:
    """Return when so many searches wait."""
    with trio.fail_after(PATIENCE_S):
        while limiter.statistics().tasks_waiting != count:
            await trio.lowlevel.checkpoint()


async def test_an_address_searches_once_at_a_time_and_others_need_not_wait_for_it(open_server) -> None:
    async with open_server(AdmissionLimits(proxies=(ip_network("127.0.0.0/8"),))) as server:
        limiter = await occupy(server)
        lines = [await server.join(proxied(address)) for address in ("192.0.2.1",) * 3 + ("192.0.2.2",)]
        for line in lines:
            await line.send(b"/search hello\n")

        await waiting(limiter, 2)
        await trio.testing.wait_all_tasks_blocked()
        assert limiter.statistics().tasks_waiting == 2
        release(limiter)

        for line in lines:
            with trio.fail_after(PATIENCE_S):
                while "nothing" not in await line.line():
                    pass


async def test_clients_over_loopback_do_not_share_the_limit_of_searches(open_server) -> None:
    async with open_server() as server:
        limiter = await occupy(server)
        for _ in range(3):
            await (await server.join()).send(b"/search hello\n")

        await waiting(limiter, 3)


async def test_a_search_ends_with_the_connection_of_who_asked(open_server) -> None:
    async with open_server() as server:
        limiter = await occupy(server)
        line = await server.join()
        await line.send(b"/search hello\n")
        await waiting(limiter, 1)

        line.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await line.stream.aclose()  # reset

        await waiting(limiter, 0)
        await server.changed(2)


async def test_a_search_ends_with_a_kick(open_server) -> None:
    async with open_server() as server:
        limiter = await occupy(server)
        await (await server.join()).send(b"/search hello\n")
        await waiting(limiter, 1)

        [client] = server.chat.clients
        server.chat.kick(client)

        await waiting(limiter, 0)


async def test_a_search_with_too_many_words_is_refused_in_lines_and_frames(open_server) -> None:
    many = "a b c d e f g h i"
    async with open_server() as server:
        line, program = await server.join(), await server.connect()
        await line.send(f"/search {many}\n".encode())
        await program.send(b'{"type":"hello","protocol":1}\n')
        await program.send(json.dumps({"type": "search", "text": many, "key": "k"}).encode() + b"\n")

        while (answer := await line.line()) != "*** a search has at most 8 words ***":
            assert "joined" in answer
        while (frame := json.loads(await program.line()))["type"] != "error":
            pass
        assert (frame["code"], frame["key"]) == ("too-much", "k")


async def test_a_search_says_so_while_older_lines_are_being_indexed_in_lines_and_frames(open_server) -> None:
    async with open_server() as server:
        server.context.journal.is_indexing = True
        line, program = await server.join(), await server.connect()
        await program.send(b'{"type":"hello","protocol":1}\n{"type":"say","room":"lobby","text":"hi","key":"1"}\n')
        while "]> hi" not in await line.line():
            pass

        await line.send(b"/search hi\n/search nobody\n")
        await program.send(b'{"type":"search","text":"nobody","key":"k"}\n')

        assert (await line.line()).endswith("hi")
        assert (await line.line()).startswith("*** 1 line found; older lines are still being indexed")
        assert await line.line() == "*** nothing found; older lines are still being indexed ***"
        while '"type":"page"' not in (answer := await program.line()):
            pass
        assert json.loads(answer)["incomplete"] is True
