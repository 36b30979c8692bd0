"""The layout of items in columns: time, name, and text that is wrapped in a column of its own. Pure."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from trio_chat.chat.events import MARK, SERVER, Kind
from trio_chat.chat.text import clean, excerpt
from trio_chat.client.link.events import Message, lines_of
from trio_chat.client.transcript.found import mark_matches
from trio_chat.client.transcript.picture_rows import PICTURE_ROWS_MAX, NoPictures, Pictures, draw_pictures
from trio_chat.client.transcript.room_window import Fold, Item, Line, NewRule, Note
from trio_chat.client.transcript.row_breaking import break_row, cut_with_mark, row_width, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.transcript import (
    CALLED_MAX,
    Transcript,
    clamp_time,
    entry_of,
    is_mention,
    mark_mentions,
    readable,
)
from trio_chat.client.transcript.wrapping import wrap
from trio_chat.stickers.sticker import INDENT, Drawn
from trio_chat.wire import frames
from trio_chat.wire.lines import line_of

_NAME_COLUMNS, _NAME_COLUMNS_NARROW, _NAME_COLUMNS_MIN = 12, 10, 8
_WIDE, _NARROW, _WITHOUT_TIMES = 72, 56, 36
"""Columns of a transcript below which names are shorter, and shorter still, and below which there are no times."""

_NAME_CHARS_MAX = 64
_GAP_MIN = 2
_LINK = re.compile(r"https?://[^\s<>\"]{1,2000}")
_LINKS_MAX = 20
_PUNCTUATION = ".,;:!?'…"
_KINDS_WITH_AUTHOR = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)


class Columns(Struct, frozen=True):
    """The columns of a transcript."""

    width: int
    has_times: bool = True
    picture_rows: int = PICTURE_ROWS_MAX
    """The most rows of a picture."""

    @property
    def time(self) -> int:
        """Columns of the time and the blank behind it."""
        return 6 if self.has_times and self.width >= _WITHOUT_TIMES else 0

    @property
    def name(self) -> int:
        """Columns of the name and the blank behind it."""
        if self.width >= _WIDE:
            return 1 + _NAME_COLUMNS
        return 1 + (_NAME_COLUMNS_NARROW if self.width >= _NARROW else _NAME_COLUMNS_MIN)

    @property
    def text(self) -> int:
        """Columns of the text."""
        return max(self.width - self.time - self.name, 4)


class _LaidOut(NamedTuple):
    """The rows of an item, with what they were made of."""

    key: object
    rows: list[Row]
    version: int | None
    """That of the pictures; None where the item has none."""
    changes_at: float

    def is_current(self, key: object, version: int, now: float) -> bool:
        """Tell whether the item still looks like this."""
        return self.key == key and self.version in (None, version) and now < self.changes_at


class LineLayout:
    """Lays out items for one person."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self.pictures: Pictures = NoPictures()
        self.catalogue_version = 0
        """Rises when there are other stickers than before."""
        self.now = 0.0
        """The present time, in seconds of any clock: pictures move by it."""
        self.changes_at = math.inf
        """The time at which something looks different that was laid out since this was last set to infinity."""
        self.label = ""
        """Our own name, without a mark."""
        self.phrases: Sequence[str] = ()
        """The words of a search, folded, which are marked."""
        self.marked_id: int | None = None
        """The id of the entry to which the person jumped."""
        self._item_changes_at, self._has_pictures = math.inf, False

    def rows(self, item: Item, before: Item | None, columns: Columns) -> list[Row]:
        """Lay out an item, below a line with its day where that is not the day of the item `before` it."""
        is_new_day = before is not None and day_of(before) != day_of(item)
        is_marked = self.marked_id is not None and item.id == self.marked_id and isinstance(item, Line)
        key = (self.catalogue_version, columns, is_new_day, self.label, self.phrases, is_marked)
        laid_out: _LaidOut | None = item.laid_out
        if laid_out is None or not laid_out.is_current(key, self.pictures.version, self.now):
            self._item_changes_at, self._has_pictures = math.inf, False
            rows = [*self._day_rule(item, columns)] if is_new_day else []
            rows += self._item(item, columns, is_marked=is_marked)
            version = self.pictures.version if self._has_pictures else None
            laid_out = item.laid_out = _LaidOut(key, rows, version, self._item_changes_at)
        self.changes_at = min(self.changes_at, laid_out.changes_at)
        return laid_out.rows

    def waiting(self, message: Message, columns: Columns, *, state: str, style: Style) -> list[Row]:
        """Lay out a message of our own that is not kept, with its `state` at the end of the last row."""
        rows: list[Row] = []
        for line in lines_of(message)[: frames.LINES_LIMIT]:
            text = f"topic: {line}" if isinstance(message, frames.Topic) else line
            name = f"* {self.label}" if isinstance(message, frames.Act) else self.label
            drawn = self._transcript.catalogue.draw(readable(text), columns=columns.text)
            rows += self._lay_out_named(Part("", style), Part(clean(name), style), (Part(drawn.line, style),), columns)
        return [*rows[:-1], *_with_state(rows[-1], Part(state, style), columns.width)] if rows else []

    def _item(self, item: Item, columns: Columns, *, is_marked: bool) -> list[Row]:
        match item:
            case Line(entry=entry):
                return self._line(item, entry, columns, is_marked=is_marked)
            case Fold(entries=entries, sum=summed):
                if summed:
                    return self._notice(summed, item.time, columns)
                return [row for entry in entries for row in self._notice(_sentence(entry), entry.time, columns)]
            case NewRule(text=text):
                return [rule(text, columns.width, Style.NEW)]
            case Note(rows=rows, listing=listing):
                margin = Part(" " * columns.time)
                width = max(columns.width - columns.time, 4)
                return [
                    (margin, *broken)
                    for row in (*rows, *(listing(width) if listing else ()))
                    for wrapped in wrap(row, width)
                    for broken in break_row(wrapped, width)
                ]
        return []

    def _line(self, item: Line, entry: frames.Said, columns: Columns, *, is_marked: bool) -> list[Row]:
        if entry.kind not in _KINDS_WITH_AUTHOR:
            return self._notice(_sentence(entry), entry.time, columns)
        drawn = self._transcript.catalogue.draw(readable(entry.text), columns=columns.text)
        parts = tuple(
            part
            for called in self._mark_calls(drawn.line, entry)
            for matched in self._mark_matches(called)
            for part in _mark_links(matched)
        )
        name, style = self._name(entry)
        when = Part(_minute(entry.time), Style.CHOSEN if is_marked else Style.NOTICE)
        margin = Part(" " * (columns.time + columns.name))
        pictures, texts = self._pictures(item, drawn, columns) if drawn.pictures else ([], [])
        if drawn.is_bare and pictures:  # the pictures alone, beside the name
            first, *others = [*pictures, *texts]
            return [*self._lay_out_named(when, Part(name, style), first, columns), *((margin, *row) for row in others)]
        rows = self._lay_out_named(when, Part(name, style), parts, columns)
        below: list[Row] = [(Part(f"{INDENT}{row}".rstrip()),) for row in drawn.below]
        return [*rows, *((margin, *row) for row in (*below, *pictures, *texts))]

    def _pictures(self, item: Line, drawn: Drawn, columns: Columns) -> tuple[list[Row], list[Row]]:
        """Return the rows of the pictures of a line, and the texts in place of those that are not there."""
        item.shown_at = self.now if item.shown_at is None else item.shown_at
        shown = draw_pictures(
            drawn.pictures,
            self.pictures,
            columns=columns.text,
            rows=columns.picture_rows,
            elapsed_s=self.now - item.shown_at,
        )
        self._item_changes_at, self._has_pictures = item.shown_at + shown.changes_at, True
        return shown.rows, [(Part(INDENT), Part(file.text, Style.NOTICE)) for file in shown.missing]

    def _mark_calls(self, text: str, entry: frames.Said) -> Iterator[Part]:
        """Mark what calls the person, also in a line of the history."""
        if entry.kind != Kind.TOLD and is_mention(entry, self.label, self._transcript.words):
            yield from mark_mentions(Part(text), self.label, self._transcript.words, is_told=False)
        else:
            yield Part(text)

    def _mark_matches(self, part: Part) -> Iterator[Part]:
        """Mark what was searched for, near the beginning of a line."""
        if not self.phrases:
            yield part
            return
        yield from mark_matches(Part(part.text[:CALLED_MAX], part.style), self.phrases)
        yield Part(part.text[CALLED_MAX:], part.style)

    def _name(self, entry: frames.Said) -> tuple[str, Style]:
        author = clean(excerpt(entry.author, _NAME_CHARS_MAX)) + (MARK if entry.account else "")
        if entry.kind == Kind.ANNOUNCED:
            return SERVER, Style.STRONG
        style = Style.OWN if entry.author == self.label else self._transcript.name_styles.style_of(entry.author)
        return f"* {author}" if entry.kind == Kind.ACTED else author, style

    def _notice(self, text: str, when: float, columns: Columns) -> list[Row]:
        """Lay out a notice, dim, from the column of the names on."""
        parts = (Part(readable(text), Style.NOTICE),)
        broken = break_row(parts, columns.width - columns.time)
        return [(_time_part(when if at == 0 else None, columns), *row) for at, row in enumerate(broken)]

    def _lay_out_named(self, when: Part, name: Part, parts: Row, columns: Columns) -> list[Row]:
        """Lay out a time, a name and a text in columns; the later rows of the text are aligned with the first."""
        shown = cut_with_mark(name.text, columns.name - 1)
        time = (Part(f"{when.text:<{columns.time}}"[: columns.time], when.style),) if columns.time else ()
        gap = Part(" " * (columns.name - width_of_text(shown)))
        margin = Part(" " * (columns.time + columns.name))
        first, *others = break_row(parts, columns.text)
        return [(*time, Part(shown, name.style), gap, *first), *((margin, *row) for row in others)]

    def _day_rule(self, item: Item, columns: Columns) -> Iterator[Row]:
        day = datetime.fromtimestamp(clamp_time(item.time))
        yield rule(f"{day:%A}, {day.day} {day:%B %Y}", columns.width, Style.NOTICE)


def _with_state(row: Row, state: Part, columns: int) -> list[Row]:
    """Put a state at the right end of a row, or below it where there is no space left."""
    gap = columns - row_width(row) - width_of_text(state.text)
    if gap >= _GAP_MIN:
        return [(*row, Part(" " * gap), state)]
    broken = break_row((state,), columns)
    return [row, *((Part(" " * max(columns - row_width(part), 0)), *part) for part in broken)]


def rule(text: str, columns: int, style: Style) -> Row:
    """Return a line across a pane, with a text in it."""
    shown = cut_with_mark(readable(text), max(columns - 6, 1))
    left = max(columns - width_of_text(shown) - 2, 0)
    return (Part(f"{'─' * (left // 2)} {shown} {'─' * (left - left // 2)}", style),)


def _sentence(entry: frames.Said) -> str:
    """Return a notice as a sentence, without the stars and brackets of the line view."""
    line = line_of(entry_of(entry)).removeprefix("*** ").removesuffix(" ***")
    line = line.replace("[", "", 1).replace("]", "", 1) if line.startswith("[") else line
    return line.replace("is now [", "is now ").removesuffix("]") if entry.kind == Kind.RENAMED else line


def _mark_links(part: Part) -> Iterator[Part]:
    """Mark addresses of the web."""
    if part.style is not Style.PLAIN or "://" not in part.text:
        yield part
        return
    end = 0
    for count, found in enumerate(_LINK.finditer(part.text)):
        if count == _LINKS_MAX:
            break
        yield Part(part.text[end : found.start()])
        address = _without_punctuation(found[0])
        yield Part(address, Style.LINK, address)
        end = found.start() + len(address)
    yield Part(part.text[end:])


def _without_punctuation(address: str) -> str:
    """Return an address without what ends the sentence that it is in."""
    bare = address.rstrip(_PUNCTUATION)
    return bare if "(" in bare else bare.partition(")")[0]


def day_of(item: Item) -> int:
    """Return the day of an item, in the zone of the person, as a number."""
    return datetime.fromtimestamp(clamp_time(item.time)).toordinal()


def _minute(when: float) -> str:
    return f"{datetime.fromtimestamp(clamp_time(when)):%H:%M}"


def _time_part(when: float | None, columns: Columns) -> Part:
    text = _minute(when) if when is not None and columns.time else ""
    return Part(f"{text:<{columns.time}}", Style.NOTICE)
