"""`trio-chat selftest`: run a test in a temporary folder, print its result, and clean up after success."""

import secrets
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
from trio_chat.journal import Durability, JournalError, check_journal
from trio_chat.journal.redis.opening import is_everything
from trio_chat.selftest.chaos import ChaosPlan, ChaosReport, run_chaos_test
from trio_chat.selftest.nodes import NodesPlan, run_nodes_test, with_option
from trio_chat.selftest.participant import open_participant
from trio_chat.selftest.report import describe_chaos, describe_nodes
from trio_chat.selftest.supervisor import SelftestError, open_supervisor

CHECK_TIMEOUT_S = 60.0
REMOVAL_TIMEOUT_S = 10.0
KILL_INTERVAL_S = 4.0
INTERRUPTED_STATUS = 130
ANNOUNCED_LOSS_STATUS = 3
"""Exit status after a loss that the settings of Redis allow, and of which all clients were told."""

RunTest = Callable[[Path], Awaitable[int]]
RunChaosTest = Callable[[ChaosPlan, Path, Callable[[float], None]], Awaitable[ChaosReport]]


def check_installation(python: str = sys.executable) -> int:
    """Start a server with an interpreter, let two clients talk to each other, and stop it. -> exit status"""
    return _run(partial(_check, python))


def run_chaos(*, seconds: float, seed: int, run_test: RunChaosTest = run_chaos_test) -> int:
    """Run the chaos test for so many seconds, print its report, and keep its files if it fails. -> exit status"""
    return _run(partial(_chaos, ChaosPlan(seconds, seed, kill_interval_s=min(KILL_INTERVAL_S, seconds / 3)), run_test))


def run_nodes(url: str, *, seconds: float, seed: int) -> int:
    """Run the test of three nodes on the Redis that `url` names, in a chat of its own. -> exit status"""
    own_chat = with_option(url, f"chat=selftest-{secrets.token_hex(4)}")
    return _run(partial(_nodes, own_chat, NodesPlan(seconds, seed)))


def _run(test: RunTest) -> int:
    folder = Path(tempfile.mkdtemp(prefix="trio-chat-selftest-"))
    status = 1
    try:
        status = trio.run(test, folder)
    except* (SelftestError, LinkError, JournalError, OSError) as errors:
        print(f"trio-chat: the selftest failed: {leaf_exceptions(errors)[0]}", file=sys.stderr)
    except* KeyboardInterrupt:
        status = INTERRUPTED_STATUS
    if status == 1:
        print(f"its files are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


async def _nodes(url: str, plan: NodesPlan, folder: Path) -> int:
    check_journal(url, data=folder, durability=Durability.RELAXED)
    from trio_chat.journal.redis.address import read_url  # coredis is there
    from trio_chat.journal.redis.opening import inspect_redis
    from trio_chat.journal.redis.removing import remove_chat

    promise, replicas = await inspect_redis(url, Durability.RELAXED)
    try:
        report = await run_nodes_test(plan, url, folder)
    finally:
        with trio.move_on_after(REMOVAL_TIMEOUT_S, shield=True):
            await remove_chat(url)
    advice = prevention(promise, read_url(url).replicas, replicas) if report.loss else ""
    if report.loss and not advice:
        report.violations.append(f"entries were lost, though {promise}")
    for line in describe_nodes(report):
        print(line)
    if advice:
        print(f"promised: {promise}")
        print(f"prevention: {advice}")
    if report.violations:
        return 1
    return ANNOUNCED_LOSS_STATUS if report.loss else 0


def prevention(promise: str, waited_for: int, replicas: int) -> str:
    """Return the advice that prevents such a loss; "" where Redis had to keep everything, so that the loss is a fault.

    `promise` is what the settings of Redis promise, `waited_for` the number of its `replicas` that entries wait for.
    """
    if waited_for < replicas:
        return f"with ?replicas={replicas} every entry waits for all replicas, and a failover loses nothing"
    if replicas or is_everything(promise, waited_for):
        return ""
    return "with `appendonly yes` and `appendfsync always` Redis keeps everything over its end, but for its disk"


async def _check(python: str, folder: Path) -> int:
    began = time.perf_counter()
    with trio.move_on_after(CHECK_TIMEOUT_S) as scope:
        async with open_supervisor(folder, python) as supervisor:
            port = await supervisor.start()
            async with open_participant("alice", port, folder) as alice, open_participant("bob", port, folder) as bob:
                await alice.say("hello bob")
                await bob.wait_until_shown("hello bob")
                await bob.say("hello alice")
                await alice.wait_until_shown("hello alice")
            if status := await supervisor.stop():
                raise SelftestError(f"the server stopped with exit status {status}")
    if scope.cancelled_caught:
        raise SelftestError(f"it did not finish within {CHECK_TIMEOUT_S:.0f} s")
    print(
        f"trio-chat {__version__} works here: a server started, two clients spoke to each other, and it stopped"
        f" ({time.perf_counter() - began:.1f} s)"
    )
    return 0


async def _chaos(plan: ChaosPlan, run_test: RunChaosTest, folder: Path) -> int:
    bar = click.progressbar(
        length=round(plan.seconds * 10), label="injecting faults", file=sys.stderr, hidden=not sys.stderr.isatty()
    )
    with bar:
        report = await run_test(plan, folder, lambda passed_s: bar.update(round(passed_s * 10) - bar.pos))
    for line in describe_chaos(report):
        print(line)
    if report.violations:
        print(f"run it again: trio-chat selftest --chaos --seconds {plan.seconds:g} --seed {plan.seed}")
    return int(bool(report.violations))
