"""Completion of the word before the cursor, as prompt_toolkit asks for it."""

from collections.abc import Callable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from trio_chat.client.line_view.clusters import Clusters

Complete = Callable[[str], Sequence[tuple[str, int]]]
"""Returns the completions of the last word before the cursor, given the text up to there.

Each comes with the number of characters that it replaces.
"""


class WordCompleter(Completer):
    """Completes the last word before the cursor."""

    def __init__(self, words: Complete, clusters: Clusters) -> None:
        self._words = words
        self._clusters = clusters

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield the words that begin like the one before the cursor."""
        before = self._clusters.unfold(document.text_before_cursor)
        for word, replaced in self._words(before):
            typed = self._clusters.fold(before[len(before) - replaced :])
            yield Completion(word, start_position=-len(typed), display=word.strip())
