"""The server's stdout: what is printed there is not lost, and nobody waits for who reads it."""

import os
import pty
import select

import pytest
import trio
import trio.testing

from trio_chat.server.operation.stdio import Printer


def _fill(fd: int) -> int:
    """Fill a pipe until it takes no more. -> the number of bytes that it took"""
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


def test_held_back_lines_come_after_those_that_must_be_first():
    reader, writer = os.pipe()
    printer = Printer(writer)

    printer.print("1")
    printer.hold()
    printer.print("4")
    printer.release(["2", "3"])
    printer.print("5")
    printer.hold()
    printer.print("6")
    printer.flush_nowait()

    assert os.read(reader, 100) == b"1\n2\n3\n4\n5\n6\n"
    os.close(reader)
    os.close(writer)


def test_a_printed_line_is_one_line_and_controls_no_terminal():
    reader, writer = os.pipe()
    printer = Printer(writer)

    printer.print("Client [fe80::1%\x1b]0;pwn\x07\r\x1b[2J\x9b1m\nforged, 1] connected")
    printer.flush_nowait()

    assert os.read(reader, 100) == b"Client [fe80::1%  forged, 1] connected\n"
    os.close(reader)
    os.close(writer)


@pytest.mark.timeout(30)
async def test_a_terminal_that_stands_still_holds_up_nobody_and_gets_every_line_later(nursery: trio.Nursery) -> None:
    screen, terminal = pty.openpty()
    printer = Printer(terminal)
    nursery.start_soon(printer.run)
    lines = [f"line {number} " + "x" * (number % 50) for number in range(5000)]

    for line in lines:
        printer.print(line)
    await trio.testing.wait_all_tasks_blocked()  # the terminal is full, and the loop turns

    shown = b""
    while shown.count(b"\n") < len(lines):
        await trio.lowlevel.wait_readable(screen)
        shown += os.read(screen, 65536)
    assert shown.decode().splitlines() == lines
    nursery.cancel_scope.cancel()
    os.close(screen)
    os.close(terminal)
