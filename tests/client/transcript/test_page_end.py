import pytest

from trio_chat.client.transcript.page_end import page_end
from trio_chat.wire import frames


def page(*ids: int, more: bool = True, damaged: tuple[int, ...] = (), incomplete: bool = False) -> frames.Page:
    entries = [frames.Said(id=number, room="lobby", kind="said", time=0.0, author="bob") for number in ids]
    return frames.Page(entries=entries, damaged=list(damaged), more=more, incomplete=incomplete, key="k")


@pytest.mark.parametrize(
    ("question", "answer", "end"),
    [
        (frames.History(room="lobby", limit=20), page(7, 9), "older: /history 20 before 7"),
        (frames.History(room="lobby", limit=20, before_time=1.0), page(7, 9), "older: /history 20 before 7"),
        (frames.History(room="lobby", limit=2, after=3), page(7, 9), "newer: /history 2 after 9"),
        (frames.History(room="lobby", limit=2, after_time=1.0), page(7, 9), "newer: /history 2 after 9"),
        (frames.History(room="lobby", limit=20), page(7, 9, damaged=(5,)), "older: /history 20 before 5"),
        (frames.History(room="lobby", limit=20), page(7, 9, more=False), ""),
        (frames.History(room="lobby", limit=20), page(), ""),
        (None, page(7), ""),
        (frames.Search(text="x"), page(7), ""),
        (frames.Search(text="x"), page(7, incomplete=True), "older lines are still being indexed"),
        (frames.Search(text="x"), page(incomplete=True), "older lines are still being indexed"),
    ],
)
def test_behind_a_page_stands_how_to_read_on(question: frames.History | None, answer: frames.Page, end: str) -> None:
    assert page_end(question, answer) == end
