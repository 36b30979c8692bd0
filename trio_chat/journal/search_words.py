"""The meaning of a search: the same for all engines. What a word is stands in `chat.words`."""

from dataclasses import dataclass

from trio_chat.chat.events import Draft, Kind
from trio_chat.chat.folding import fold
from trio_chat.chat.search_query import SEARCH_CHARS_MAX, TOO_LONG, phrases_in
from trio_chat.chat.words import holds
from trio_chat.journal.records import SearchError

SEARCHED = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""The kinds of entries that are searched."""

WORDS_MAX = 8
"""Words in one search. Each costs as much as another search."""


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """Criteria of a search: entries of these rooms that contain all phrases, by an author if one is given."""

    rooms: tuple[str, ...]
    phrases: tuple[str, ...]
    author: str = ""
    """The name in any spelling; empty for anybody."""
    after: int | None = None
    """The id after which entries are searched; None for all."""

    @property
    def is_empty(self) -> bool:
        """True if no entry can match."""
        return not self.rooms or not (self.phrases or self.author)

    def matches(self, draft: Draft) -> bool:
        """Tell whether a draft matches, whatever its id."""
        return (
            draft.room in self.rooms
            and draft.kind in SEARCHED
            and self.matches_author(draft.author)
            and self.matches_text(draft.text)
        )

    def matches_author(self, author: str) -> bool:
        """Tell whether the author matches."""
        return not self.author or fold(author) == fold(self.author)

    def matches_text(self, text: str) -> bool:
        """Tell whether a text contains all phrases."""
        return holds(text, self.phrases)


def phrases(words: str) -> tuple[str, ...]:
    """Split a query into phrases, all of which a text has to contain. Raises SearchError.

    Spaces separate phrases, unless they stand in quotes. Other signs separate the words of one phrase: `can't` is `can`
    followed at once by `t`. Of phrases that find the same, only the first is returned.
    """
    if len(words) > SEARCH_CHARS_MAX:
        raise SearchError(TOO_LONG)
    found = phrases_in(words)
    if len(found) > WORDS_MAX:
        raise SearchError(f"a search has at most {WORDS_MAX} words")
    return found
