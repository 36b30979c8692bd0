"""The server's stdout: what is printed there is not lost when the server stops."""

import os
import select

import trio
import trio.testing

from trio_chat.server.stdio import Printer


def _fill(fd: int) -> int:
    """-> how many bytes it took until the pipe took no more"""
    filled = 0
    while select.select([], [fd], [], 0)[1]:
        filled += os.write(fd, b"." * select.PIPE_BUF)
    return filled


async def test_a_line_that_waits_for_its_reader_is_not_lost_when_the_server_stops():
    reader, writer = os.pipe()
    filled = _fill(writer)
    printer = Printer(writer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(printer.run)
        printer.print("first")
        printer.print("last")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    os.read(reader, filled)
    printer.flush_nowait()

    assert os.read(reader, 100) == b"first\nlast\n"
    os.close(reader)
    os.close(writer)
