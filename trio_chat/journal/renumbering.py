"""New ids for the entries of another journal, and for the removals among them. It must know no engine."""

from bisect import bisect_right
from operator import itemgetter

import msgspec

from trio_chat.chat.events import Entry
from trio_chat.chat.removal import target_of

_FIRST = itemgetter(0)


class Renumbering:
    """The new ids of one import, by their former ones: as runs in which both rise by one."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, int, int]] = []
        """The first and the last former id of each run, and the number to add to them. Ascending."""

    def add(self, former: int, new: int) -> None:
        """Note the new id of an entry. Former ids come in rising order."""
        shift = new - former
        if self._runs and self._runs[-1][1:] == (former - 1, shift):
            first = self._runs.pop()[0]
            self._runs.append((first, former, shift))
        else:
            self._runs.append((former, former, shift))

    def new_id(self, former: int) -> int | None:
        """Return the new id of an entry; None where it did not come with this import."""
        at = bisect_right(self._runs, former, key=_FIRST) - 1
        if at < 0:
            return None
        _, last, shift = self._runs[at]
        return former + shift if former <= last else None

    def renumber(self, entry: Entry, number: int) -> Entry:
        """Return an entry under its new id. The notice of a removal names the new id, if there is one."""
        draft, target = entry.draft, target_of(entry.draft)
        if target is not None:
            new = self.new_id(target)
            written, session = ("", "") if new is None else (str(new), draft.session)
            draft = msgspec.structs.replace(draft, to=written, key=written, session=session)
        return Entry(number, entry.time, draft)
