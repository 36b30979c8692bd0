"""The reports of the chaos test and of the test of nodes, line by line."""

from collections.abc import Iterator, Sequence

from trio_chat.selftest.announced_loss import describe_loss
from trio_chat.selftest.chaos import PLACES, ChaosReport
from trio_chat.selftest.nodes import NodesReport

VIOLATIONS_MAX = 20
"""Broken promises that are listed."""


def describe_chaos(report: ChaosReport) -> Iterator[str]:
    """Format the report of a chaos test."""
    plan, participants = report.plan, report.recordings
    names = ("said", "told", "sent", "failed")
    said, told, sent, failed = (sum(len(getattr(one, name)) for one in participants) for name in names)
    faults = ", ".join(f"{count} {name}" for name, count in sorted(report.faults.items())) or "none"
    yield f"{len(participants)} clients, {plan.seconds:g} s of faults, seed {plan.seed}; {report.seconds:.1f} s in all"
    yield f"connections: {faults}; {sum(one.reconnects for one in participants)} reconnects"
    yield f"server: killed and restarted {report.kills} time{'' if report.kills == 1 else 's'}"
    pruned = f"{report.pruned} entries pruned, of which clients were told by {report.gaps} gaps"
    yield f"journal: locked by another program {report.locks} time{'' if report.locks == 1 else 's'}; {pruned}"
    yield f"rooms: {report.visits} visits by {len(plan.movers)} clients that move between them"
    waits = f"{report.waits} private message{'' if report.waits == 1 else 's'} waited for one who was away"
    yield f"members: {len(plan.members) + len(plan.commuters)} in {len(PLACES)} places each; {waits}"
    lines = f"{said} said and {told} told in private, {sent} kept, {failed} failed"
    yield f"lines: {lines}; {report.entries} entries in the history"
    yield from _verdict(report.violations, "every entry was shown to every client, once and in the same order")


def describe_nodes(report: NodesReport) -> Iterator[str]:
    """Format the report of a test of nodes."""
    plan, recordings = report.plan, report.recordings
    faults = ", ".join(f"{count} {name}" for name, count in sorted(report.faults.items())) or "none"
    yield f"{len(recordings)} clients on {plan.nodes} nodes, {plan.seconds:g} s of faults, seed {plan.seed}"
    yield f"faults: {faults}; {sum(one.reconnects for one in recordings)} reconnects"
    said, sent, failed = (sum(len(getattr(one, name)) for one in recordings) for name in ("said", "sent", "failed"))
    yield f"lines: {said} said, {sent} kept, {failed} failed; {report.entries} entries; {report.seconds:.1f} s in all"
    if report.loss:
        yield from describe_loss(report.loss, len(recordings))
    success = "every entry was shown to every client, once and in the same order, and nobody came or went"
    if report.loss:
        success = "entries were lost, and that was announced; every other one was shown once and in the same order"
    yield from _verdict(report.violations, success)


def _verdict(violations: Sequence[str], success: str) -> Iterator[str]:
    """Format the broken promises, a line each, or the sentence of a success."""
    if not violations:
        yield f"result: {success}"
        return
    yield f"result: FAILED, broken promises: {len(violations)}"
    yield from (f"  {violation}" for violation in violations[:VIOLATIONS_MAX])
    if len(violations) > VIOLATIONS_MAX:
        yield f"  and {len(violations) - VIOLATIONS_MAX} more"
