"""Reports of our read marks to the server, which shares them among the places of an account. Pure."""

from collections.abc import Collection, Mapping

from trio_chat.client.memory.records import ReadMark
from trio_chat.client.transcript.read_marks import MARKS_MAX
from trio_chat.wire import frames


class MarkReports:
    """The marks that the server has, from here or another place of ours; those that changed last at the end."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def begin(self, marks: Mapping[str, frames.Mark]) -> None:
        """Begin with what the server remembers."""
        self._known = {room: mark.id for room, mark in list(marks.items())[-MARKS_MAX:]}

    def note(self, room: str, entry_id: int) -> None:
        """Note that the server has a mark."""
        if room in self._known or len(self._known) < MARKS_MAX:
            self._known[room] = max(self._known.pop(room, 0), entry_id)

    def take(self, marks: Mapping[str, ReadMark], rooms: Collection[str], most: int) -> dict[str, int]:
        """Return the ids to report now, by room: at most `most`, those reported longest ago first.

        `rooms` are those that we are in; the mailbox is always ours.
        """
        order = {room: position for position, room in enumerate(self._known)}
        due = [
            room
            for room, mark in marks.items()
            if mark.id > self._known.get(room, 0) and (room in rooms or room == frames.MAILBOX)
        ]
        taken = {room: marks[room].id for room in sorted(due, key=lambda room: order.get(room, -1))[:most]}
        for room, entry_id in taken.items():
            self.note(room, entry_id)
        return taken
