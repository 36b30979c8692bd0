"""`trio-chat status`: the server at a glance."""

from trio_chat.operate.api import Json
from trio_chat.operate.errors import ExitStatus
from trio_chat.operate.options import OperatorContext, operator_command
from trio_chat.operate.table import ERROR, WARNING
from trio_chat.operate.values import show_age, show_bytes

NEARLY = 0.9
"""The share of a resource from which on it is worth a look."""

STYLES = {"ok": "", "degraded": WARNING}


@operator_command("status")
def status(context: OperatorContext) -> int | None:
    """Show the server at a glance: health with its reasons, numbers, the latest traffic.

    The exit status is 1 while nothing can be saved.
    """
    found = context.api.get("/status")
    health = found["health"]
    if context.is_json:
        context.output.object(found)
    else:
        show = context.output.clean_line
        show(
            f"{found['name']}, trio-chat {found['version']}, up for {show_age(found['uptime_s'])}, at {context.api.url}"
        )
        show(f"health    {health}", STYLES.get(health, ERROR))
        for reason in found["reasons"]:
            show(f"          {reason}", STYLES.get(health, ERROR))
        show(f"now       {_counts(found['counts'])}")
        if found["latest"]:
            show(f"traffic   {_traffic(found['latest'])}")
        for number, one in enumerate(found["resources"]):
            show(f"{'' if number else 'used':<10}{_usage(one)}", WARNING if _is_nearly_used_up(one) else "")
    return None if health in STYLES else int(ExitStatus.FAILED)


def _counts(counts: Json) -> str:
    return ", ".join(f"{number} {name.removesuffix('s') if number == 1 else name}" for name, number in counts.items())


def _usage(one: Json) -> str:
    show = show_bytes if one["unit"] == "bytes" else str
    return f"{one['name']:<8} {show(one['used'])}" + (f" of {show(one['limit'])}" if one["limit"] else "")


def _is_nearly_used_up(one: Json) -> bool:
    return bool(one["limit"]) and one["name"] != "windows" and one["used"] >= NEARLY * one["limit"]


def _traffic(sample: Json) -> str:
    """Format the latest sample, of some 10 s."""
    words = f"{sample['lines_per_s']:g} lines/s, {sample['deliveries_per_s']:g} deliveries/s, {sample['behind']} behind"
    if sample["delay_p99_ms"] is None:
        return words
    return (
        f"{words}; from commit to last send {sample['delay_p50_ms']:g} ms (median), {sample['delay_p99_ms']:g} ms (p99)"
    )
