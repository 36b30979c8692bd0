"""Completion of the word before the cursor, as prompt_toolkit asks for it."""

from collections.abc import Callable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from trio_chat.client.line_view.clusters import Clusters

Complete = Callable[[str], list[str]]
"""Returns the completions of the last word before the cursor, given the text up to there."""


class WordCompleter(Completer):
    """Completes the last word before the cursor."""

    def __init__(self, words: Complete, clusters: Clusters) -> None:
        self._words = words
        self._clusters = clusters

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield the words that begin like the one before the cursor."""
        before = self._clusters.unfold(document.text_before_cursor)
        typed = before.rpartition(" ")[2]
        for word in self._words(before):
            yield Completion(word, start_position=-len(self._clusters.fold(typed)), display=word.strip())
