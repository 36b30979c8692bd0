"""The dependencies of a chat in tests. A new field of `Dependencies` needs a value here, and one in serve/wiring.py."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import trio

from trio_chat.chat.dependencies import Dependencies
from trio_chat.chat.events import Post
from trio_chat.chat.log import Mode
from trio_chat.chat.nodes import Alone
from trio_chat.journal.late_receipt import LateReceipt
from trio_chat.wire import frames, lines


def make_dependencies(post: Post, **changed: Any) -> Dependencies:
    """Dependencies with clocks that stand still, and with nobody who is told of anything."""
    made = Dependencies(
        post=post,
        hold=LateReceipt,
        encoders={Mode.LINES: lines.encode_entry, Mode.FRAMES: frames.encode_entry},
        wall_clock=lambda: 0.0,
        clock=lambda: 0.0,
        on_change=lambda change, client, reason: None,
        on_news=lambda room: None,
        mute_of=lambda client: "",
        owner_of=lambda nick: None,
        is_being_claimed=lambda nick: False,
        on_room=lambda account, room, is_in: None,
        nodes=Alone(),
    )
    return replace(made, **changed)


async def at_once(steps: Iterator[int]) -> int:
    """Take all steps of long work. -> what the last one yields"""
    taken = [0]
    for step in steps:
        taken.append(step)
        await trio.lowlevel.checkpoint()
    return taken[-1]
