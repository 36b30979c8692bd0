"""Console input: an edited line on a terminal, plain lines everywhere else."""

import os
from collections.abc import Callable
from contextlib import aclosing, nullcontext, suppress
from functools import partial

import trio

from trio_chat.server.operation.console import ConsoleContext, Quit, run_command
from trio_chat.server.operation.logs import diverted
from trio_chat.server.operation.stdio import Printer, read_lines

ROWS_PER_TURN = 200
"""Rows of an answer made between two checkpoints: a list of thousands of clients holds up nobody."""


async def read_commands(
    context: ConsoleContext, printer: Printer, stop: Callable[[], None], fds: tuple[int, int, int]
) -> None:
    """Run typed commands until the input ends; `quit()` calls `stop`. `fds` are stdin, stdout and stderr."""

    async def handle(line: str) -> None:
        try:
            rows = await run_command(context, line)
        except Quit:
            stop()
            return
        for number, row in enumerate(rows, 1):
            printer.print(row)
            if number % ROWS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()

    stdin, stdout, stderr = fds
    if is_one_terminal(stdin, stdout) and _is_ours(stdin):
        # Imported only where there is a terminal: the start is not slower elsewhere.
        from trio_chat.server.operation.console_completion import complete
        from trio_chat.server.operation.terminal import ConsoleTerminal

        # A log on the same terminal would tear the line.
        is_shared = is_one_terminal(stdout, stderr)
        # Where the terminal has hung up meanwhile, even before it is opened here, SIGHUP stops the server.
        with diverted(_from_thread(printer)) if is_shared else nullcontext(), suppress(OSError):
            await ConsoleTerminal(stdin, printer, partial(complete, context)).run(handle)
        return
    async with aclosing(read_lines(stdin)) as lines:
        async for line in lines:
            await handle(line)


def is_one_terminal(one: int, other: int) -> bool:
    """Tell whether both are the same terminal, and one that can move its cursor."""
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return False
    try:
        return os.isatty(one) and os.isatty(other) and os.ttyname(one) == os.ttyname(other)
    except OSError:
        return False


def _is_ours(terminal: int) -> bool:
    """Tell whether we may open the terminal. It may be another user's, after su, or have hung up."""
    try:
        return os.access(os.ttyname(terminal), os.R_OK | os.W_OK)
    except OSError:
        return False


def _from_thread(printer: Printer) -> Callable[[str], None]:
    """Return a function that prints the rows of a log record from its thread. It raises RuntimeError after the end."""
    token = trio.lowlevel.current_trio_token()

    def print_rows(record: str) -> None:
        for row in record.split("\n"):
            token.run_sync_soon(printer.print, row)

    return print_rows
