"""`trio-chat selftest`: run a test in a folder of its own, say what came of it, and clean up where all is well."""

import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import trio

from trio_chat import __version__
from trio_chat.client.link.address import LinkError
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.selftest.ordeal import Plan, Report, run_ordeal
from trio_chat.selftest.participant import participating
from trio_chat.selftest.report import describe
from trio_chat.selftest.supervisor import SelftestError, supervising

QUICK_S = 60.0
KILL_S = 4.0
INTERRUPTED_STATUS = 130

Test = Callable[[Path], Awaitable[bool]]
Ordeal = Callable[[Plan, Path, Callable[[float], None]], Awaitable[Report]]


def check_installation(python: str = sys.executable) -> int:
    """Start a server with this interpreter, let two clients speak to each other, stop it. -> exit status"""
    return _run(partial(_check, python))


def run_chaos(*, seconds: float, seed: int, ordeal: Ordeal = run_ordeal) -> int:
    """Let clients talk for so many seconds while everything breaks, and judge the result. -> exit status"""
    return _run(partial(_chaos, Plan(seconds, seed, kill_s=min(KILL_S, seconds / 3)), ordeal))


def _run(test: Test) -> int:
    folder = Path(tempfile.mkdtemp(prefix="trio-chat-selftest-"))
    status = 1
    try:
        status = 0 if trio.run(test, folder) else 1
    except* (SelftestError, LinkError, OSError) as errors:
        print(f"trio-chat: the selftest failed: {leaf_exceptions(errors)[0]}", file=sys.stderr)
    except* KeyboardInterrupt:
        status = INTERRUPTED_STATUS
    if status == 1:
        print(f"what is left of it is in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


async def _check(python: str, folder: Path) -> bool:
    began = time.perf_counter()
    with trio.move_on_after(QUICK_S) as patience:
        async with supervising(folder, python) as supervisor:
            port = await supervisor.start()
            async with participating("alice", port, folder) as alice, participating("bob", port, folder) as bob:
                await alice.say("hello bob")
                await bob.shown("hello bob")
                await bob.say("hello alice")
                await alice.shown("hello alice")
            if status := await supervisor.stop():
                raise SelftestError(f"the server stopped with exit status {status}")
    if patience.cancelled_caught:
        raise SelftestError(f"it did not come to its end within {QUICK_S:.0f} s")
    print(
        f"trio-chat {__version__} works here: a server started, two clients spoke to each other, and it stopped"
        f" ({time.perf_counter() - began:.1f} s)"
    )
    return True


async def _chaos(plan: Plan, ordeal: Ordeal, folder: Path) -> bool:
    bar = click.progressbar(
        length=round(plan.seconds * 10), label="breaking things", file=sys.stderr, hidden=not sys.stderr.isatty()
    )
    with bar:
        report = await ordeal(plan, folder, lambda passed_s: bar.update(round(passed_s * 10) - bar.pos))
    for line in describe(report):
        print(line)
    if report.findings:
        print(f"once more: trio-chat selftest --chaos --seconds {plan.seconds:g} --seed {plan.seed}")
    return not report.findings
