"""The conversation of a chaos test: participants talk while faults happen, and say a last line once they are over."""

from collections.abc import Sequence

from trio_chat.selftest.fault_period import FaultPeriod
from trio_chat.selftest.participant import ROOMS, Participant

PRIVATE_SHARE = 0.1
"""Share of the lines that are private messages."""


async def talk(one: Participant, others: Sequence[str], fault_period: FaultPeriod, *, interval_s: float) -> None:
    """Say lines to rooms and to others as long as faults happen, `interval_s` apart on average."""
    number, rng = 0, fault_period.rng(one.recording.title)
    while await fault_period.goes_on_after(rng.expovariate(1 / interval_s)):
        number += 1
        text = f"{one.recording.title} {number} {'x' * rng.randrange(200)}"
        if rng.random() < PRIVATE_SHARE:
            await one.tell(rng.choice(others), text)
        else:
            await one.say(text, rng.choice(ROOMS))


async def say_last(participants: Sequence[Participant], text: str) -> None:
    """Say the last line of each room; return when every participant has been shown all of them."""
    for room in ROOMS:
        await participants[0].say(f"{text}: {room}", room)
    for one in participants:
        for room in ROOMS:
            await one.wait_until_shown(f"{text}: {room}")
    await participants[0].wait_until_settled()
