"""The records of a client about a server, as plain data. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

ROOMS_MAX = 100
PEOPLE_MAX = 20
"""Private conversations that are listed again."""

IGNORED_MAX = 1000
NAME_MAX = 128
"""Characters of a name that is remembered: an address has the longest, of 53."""


class ReadMark(msgspec.Struct, frozen=True):
    """The read position in a room: the newest id, and the time of reading it, in seconds since 1970."""

    id: int
    time: float


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a server. The ids of the marks belong to an `epoch` of its journal."""

    rooms: tuple[str, ...] = ()
    """The rooms to be in again, the current one last."""
    ignored: tuple[str, ...] = ()
    """Names of the people that are ignored."""
    ignored_accounts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The ids of their accounts, by name, as far as they are known."""
    epoch: str = ""
    marks: Mapping[str, ReadMark] = msgspec.field(default_factory=dict)
    """By room."""
    people: tuple[str, ...] = ()
    """The people of private conversations that are listed, the newest last."""
    muted: tuple[str, ...] = ()
    """The rooms that are muted."""
    name: str = ""
    """The name that is the person's own there, by which they join again."""


def merge(stored: Remembered, *, before: Remembered, now: Remembered) -> Remembered:
    """Put what one client has changed since `before` into what is stored, which another may have changed meanwhile."""
    marks = {**stored.marks} if stored.epoch == now.epoch else {}
    for room, mark in now.marks.items():
        marks[room] = max(mark, marks.get(room, mark), key=lambda it: it.id)
    rooms = _changed(stored.rooms, before.rooms, now.rooms)[-ROOMS_MAX:]
    ignored = _changed(stored.ignored, before.ignored, now.ignored)[-IGNORED_MAX:]
    accounts = {**stored.ignored_accounts, **now.ignored_accounts}
    return Remembered(
        rooms=rooms,
        ignored=ignored,
        ignored_accounts={name: accounts[name][:NAME_MAX] for name in ignored if name in accounts},
        people=_changed(stored.people, before.people, now.people)[-PEOPLE_MAX:],
        muted=_changed(stored.muted, before.muted, now.muted)[-ROOMS_MAX:],
        epoch=now.epoch,
        marks={room: marks[room] for room in rooms if room in marks},
        name=(now.name or stored.name)[:NAME_MAX],
    )


def _changed(stored: Iterable[str], before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """Take off the names that went since `before`, and put those that there are `now` at the end."""
    now = [name for name in now if name and len(name) <= NAME_MAX]
    gone = {*before, *now}
    return (*(name for name in stored if name not in gone), *now)
