"""What a person reads after an ordeal."""

from collections.abc import Iterator

from trio_chat.selftest.ordeal import Report

FINDINGS_MAX = 20


def describe(report: Report) -> Iterator[str]:
    """Say what happened and what came of it, line by line."""
    plan, people = report.plan, report.transcripts
    said, sent, failed = (sum(len(getattr(one, name)) for one in people) for name in ("said", "sent", "failed"))
    faults = ", ".join(f"{count} {name}" for name, count in sorted(report.faults.items())) or "none"
    yield f"{len(people)} clients, {plan.seconds:g} s of faults, seed {plan.seed}; {report.seconds:.1f} s in all"
    yield f"connections: {faults}; {sum(one.reconnects for one in people)} reconnects"
    yield f"server: killed and started again {report.kills} time{'' if report.kills == 1 else 's'}"
    yield f"lines: {said} said, {sent} kept, {failed} failed; {report.entries} entries in the history"
    if not report.findings:
        yield "verdict: all that was kept was shown to everyone, once and in one order"
        return
    yield f"verdict: BROKEN, {len(report.findings)} findings"
    yield from (f"  {finding}" for finding in report.findings[:FINDINGS_MAX])
    if len(report.findings) > FINDINGS_MAX:
        yield f"  and {len(report.findings) - FINDINGS_MAX} more"
