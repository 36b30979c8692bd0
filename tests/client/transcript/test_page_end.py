import pytest

from trio_chat.chat.wording import STILL_INDEXING
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
        (frames.Search(text="x from:ann"), page(7, 9), "the newest 2 lines; older: /search x from:ann before:7"),
        (frames.Search(text="x before:9"), page(7, damaged=(5,)), "the newest 2 lines; older: /search x before:5"),
        (frames.Search(text="x"), page(7, more=False), "1 line found"),
        (frames.Search(text="x"), page(7, more=False, incomplete=True), f"1 line found; {STILL_INDEXING}"),
        (frames.Search(text="x"), page(incomplete=True), STILL_INDEXING),
    ],
)
def test_behind_a_page_stands_how_to_read_on(
    question: frames.History | frames.Search | None, answer: frames.Page, end: str
) -> None:
    assert page_end(question, answer) == end
