"""Presence: who is in which room and under which name, as the notices in the history tell it.

Notices are kept together with the session records that result. While nothing can be kept clients still come, go and
change; what is told of that afterwards is the difference between the record that was kept last and the present one.
"""

from collections import defaultdict
from collections.abc import Iterable

from trio_chat.chat.crowd import Crowd
from trio_chat.chat.events import SERVER, Draft, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.session_record import SessionRecord

Difference = tuple[SessionRecord | None, SessionRecord | None]
"""The records of one session, as last kept and as of now; None where it is not there."""


def overdue_notices(differences: Iterable[Difference]) -> list[Draft]:
    """Return the notices that lead from the records kept to those of now, in an order in which no name is two clients'.

    Of very many joins and leaves in one room, only the first are told one by one.
    """
    left: list[Draft] = []
    joined: list[Draft] = []
    renamed: dict[str, tuple[SessionRecord, SessionRecord]] = {}
    for kept, now in differences:
        if kept and now and kept.label == now.label:
            left += _left(kept, now)
            joined += _joined(kept, now)
        elif kept and now and now.nick:
            left += _left(kept, now)
            renamed[kept.label] = kept, now
            joined += _joined(kept, now)
        else:  # nobody goes back from a nick to an address: this is another client
            left += _left(kept, None) if kept else ()
            joined += _joined(None, now) if now else ()
    in_order, circular = _put_in_order(renamed)
    for kept, now in circular:
        left += _notices(kept, Kind.LEFT, _common(kept, now), is_move=True)
        joined += _notices(now, Kind.JOINED, _common(kept, now), is_move=True)
    told = [notice for kept, now in in_order for notice in _renamed(kept, now)]
    return _summed_up([*left, *told, *joined])


def _left(kept: SessionRecord, now: SessionRecord | None) -> list[Draft]:
    rooms = kept.rooms if now is None else [room for room in kept.rooms if room not in now.rooms]
    return _notices(kept, Kind.LEFT, rooms, is_move=now is not None)


def _joined(kept: SessionRecord | None, now: SessionRecord) -> list[Draft]:
    rooms = now.rooms if kept is None else [room for room in now.rooms if room not in kept.rooms]
    return _notices(now, Kind.JOINED, rooms, is_move=kept is not None)


def _renamed(kept: SessionRecord, now: SessionRecord) -> list[Draft]:
    return [
        Draft(room, Kind.RENAMED, kept.label, now.label, "", _client(now), account=now.account)
        for room in _common(kept, now)
    ]


def _common(kept: SessionRecord, now: SessionRecord) -> list[str]:
    return [room for room in now.rooms if room in kept.rooms]


def _notices(record: SessionRecord, kind: Kind, rooms: Iterable[str], *, is_move: bool) -> list[Draft]:
    client, account = _client(record), record.account
    return [
        Draft(room, kind, record.label, f"#{room}" if is_move else "", "", client, account=account) for room in rooms
    ]


def _client(record: SessionRecord) -> str:
    """The id of a plain client, which is not told what it does itself."""
    return record.owner if record.mode == Mode.LINES else ""


def _put_in_order(
    renamed: dict[str, tuple[SessionRecord, SessionRecord]],
) -> tuple[list[tuple[SessionRecord, SessionRecord]], list[tuple[SessionRecord, SessionRecord]]]:
    """Put whoever gives a name up before the one who takes it. `renamed` is by the old name, and is emptied.

    -> (those in order, one of each circle in which names were exchanged)
    """
    in_order: list[tuple[SessionRecord, SessionRecord]] = []
    circular: list[tuple[SessionRecord, SessionRecord]] = []
    while renamed:
        _, first = renamed.popitem()
        chain = [first]
        while following := renamed.pop(chain[-1][1].label, None):
            chain.append(following)
        if chain[-1][1].label == first[0].label:
            circular.append(chain.pop(0))
        in_order += reversed(chain)
    return in_order, circular


def _summed_up(notices: Iterable[Draft]) -> list[Draft]:
    crowds: defaultdict[str, Crowd] = defaultdict(Crowd)
    told = [
        notice for notice in notices if notice.kind is Kind.RENAMED or not _is_counted(crowds[notice.room], notice.kind)
    ]
    return told + [Draft(room, Kind.CROWD, SERVER, crowd.summary) for room, crowd in crowds.items() if crowd.summary]


def _is_counted(crowd: Crowd, kind: Kind) -> bool:
    if crowd.is_full:
        crowd.count(kind)
        return True
    crowd.record_posted()
    return False
