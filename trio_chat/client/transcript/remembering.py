"""Collecting the records to keep of a link and its transcript. Pure."""

from collections.abc import Sequence

from trio_chat.client.memory.records import Remembered
from trio_chat.client.transcript.link_state import LinkState
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.read_marks import ReadMarks


def remembered(link: LinkState, narrator: Narrator, marks: ReadMarks, people: Sequence[str]) -> Remembered:
    """Return what is to be remembered now: the rooms, the current one last, the read marks, and who is ignored.

    `people` are those of private conversations.
    """
    rooms = sorted(link.rooms, key=lambda room: room == narrator.room)
    return Remembered(
        rooms=tuple(rooms),
        ignored=tuple(narrator.people.ignored.names),
        ignored_accounts=narrator.people.ignored.accounts,
        people=tuple(people),
        muted=narrator.muted.names,
        epoch=marks.epoch,
        marks=dict(marks.marks),
        name=link.label if link.account else "",
    )
