"""The report of a chaos test, for people."""

from collections.abc import Iterator

from trio_chat.selftest.chaos import PLACES, ChaosReport
from trio_chat.selftest.verdict import verdict


def describe(report: ChaosReport) -> Iterator[str]:
    """Format a report, line by line."""
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
    yield from verdict(report.violations, "every entry was shown to every client, once and in the same order")
