"""New ids of imported entries."""

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.removal import notice_of, target_of
from trio_chat.journal.renumbering import Renumbering


@given(st.dictionaries(st.integers(1, 60), st.integers(1, 200)))
def test_new_ids_are_those_that_were_noted(ids: dict[int, int]) -> None:
    new_ids = Renumbering()
    for former in sorted(ids):
        new_ids.add(former, ids[former])

    assert {former: new_ids.new_id(former) for former in range(62)} == {former: ids.get(former) for former in range(62)}


def test_ids_without_gaps_take_one_run_however_many_they_are() -> None:
    new_ids = Renumbering()
    for former in range(1, 1000):
        new_ids.add(former, former + 7)

    assert len(new_ids._runs) == 1


def test_a_removal_whose_entry_did_not_come_along_names_none() -> None:
    notice = Entry(9, 0.0, notice_of(Entry(4, 0.0, Draft("lobby", Kind.SAID, "bob", "secret"))))

    renumbered = Renumbering().renumber(notice, 12)

    assert renumbered.id == 12
    assert target_of(renumbered.draft) is None
    assert (renumbered.draft.session, renumbered.draft.key) == ("", "")
