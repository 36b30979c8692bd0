"""Lines as rows of plain data: cleaned, with their stickers drawn and their parts styled.

Pure: it prints nothing and knows no terminal. A view decides on the look of a style; `paint` is that of a terminal.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from trio_chat.chat.events import MARK, Draft, Entry, Kind
from trio_chat.chat.text import TEXT_MAX, clean, excerpt
from trio_chat.chat.wording import notice
from trio_chat.client.transcript.name_styles import NameStyles
from trio_chat.client.transcript.presence_counts import PRESENCE_KINDS
from trio_chat.client.transcript.row_breaking import cut_with_mark, width_of_text
from trio_chat.client.transcript.rows import NAMES, Part, Row, Style
from trio_chat.stickers.catalogue import Catalogue, listing
from trio_chat.stickers.half_blocks import to_256
from trio_chat.stickers.sticker import INDENT, Drawn
from trio_chat.wire import frames
from trio_chat.wire.lines import line_of, line_of_past

PROMPT = "> "

_RULE_MAX = 60
"""Columns of a line across: a terminal that reflows would break a longer one when it is made narrower."""

CALLED_MAX = 2048
"""Characters of a line in which a name calls somebody: to find it in so much Chinese takes up to 25 ms."""

WORDS_CALLED_MAX = 400
"""Characters of a line in which each of the person's words calls them: eight words take up to 40 ms then."""

SHOWN_MAX = 2 * TEXT_MAX
"""Characters of a line that are shown. Lines of our server are shorter."""

_TIME_MAX = 4_000_000_000.0  # the year 2096: the platform may not know later ones

# The forms that `wire.lines` prints, after the minute where they come from the history. A name ends at the first `]> `,
# so nobody can speak in another's name. The lengths keep the search short in a line of 64 KiB.
_WHEN = r"(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d )?"
_NAME = r"\[\S{1,80}?(?: -> \S{1,80}?)?\]"
_SPOKEN = re.compile(_WHEN + rf"(?P<name>{_NAME}> |\* {_NAME} )(?P<text>.*)")
_NOTICE = re.compile(_WHEN + r"\*\*\* .* \*\*\*")


# ECMA-48 8.3.117. A mention is reversed, and what was searched for bold and underlined. Names are in twelve of xterm's
# 256 colours, each of which has a contrast of at least 3.9 to 1 with black and with white (WCAG 2.1), or else in the
# five dark ones of the sixteen and bright blue; yellow is none.
_ROLES = {Style.NOTICE: "2", Style.MENTION: "7", Style.MATCH: "1;4"}
_OF_256 = (27, 130, 30, 161, 64, 99, 131, 28, 165, 31, 196, 133)
_OF_16 = (31, 32, 34, 35, 36, 94)
SGR: Mapping[Style, str] = MappingProxyType(
    _ROLES | {style: f"38;5;{number}" for style, number in zip(NAMES, _OF_256, strict=True)}
)
SGR_OF_16: Mapping[Style, str] = MappingProxyType(
    _ROLES | {style: str(number) for style, number in zip(NAMES, itertools.cycle(_OF_16), strict=False)}
)


@dataclass(eq=False, slots=True)
class Transcript:
    """Turns lines into rows, with the catalogue of now: it can be replaced at any time."""

    catalogue: Catalogue
    name_styles: NameStyles = field(default_factory=NameStyles)
    words: tuple[str, ...] = ()
    """Words that call the person as their name does."""

    def received(self, line: str, *, columns: int | None = None) -> list[Row]:
        """Render a line of the server. Drawings wider than `columns` stay names."""
        drawn = self.catalogue.draw(readable(line), columns=columns)
        return [self._styled(drawn.line), *_below(drawn)]

    def entry(
        self,
        entry: frames.Said,
        *,
        room: str,
        you: str = "",
        is_past: bool = False,
        when: Part | None = None,
        columns: int | None = None,
    ) -> list[Row]:
        """Render an entry for a person called `you` whose current room is `room`.

        One of the past has its time in front, `when` where that is given.
        """
        has_minute = is_past and when is None
        rows = self.received((line_of_past if has_minute else line_of)(entry_of(entry)), columns=columns)
        if is_mention(entry, you, self.words):
            rows[0] = tuple(
                part
                for whole in rows[0]
                for part in mark_mentions(whole, you, self.words, is_told=entry.kind == Kind.TOLD)
            )
        if when:
            rows[0] = (when, *rows[0])
        if is_past or entry.room in (room, frames.MAILBOX) or entry.kind in PRESENCE_KINDS:
            return rows  # notices of presence are about the whole chat, or have the room in their text
        return [(Part(f"#{excerpt(entry.room)} ", Style.NOTICE), *rows[0]), *rows[1:]]

    def _styled(self, line: str) -> Row:
        if _NOTICE.fullmatch(line):
            return (Part(line, Style.NOTICE),)
        if spoken := _SPOKEN.fullmatch(line):
            name = spoken["name"].strip("* []>").partition(" -> ")[0]  # the same for `[alice]> ` and `* [alice] `
            name = name.removesuffix(MARK)
            when = (Part(spoken["when"], Style.NOTICE),) if spoken["when"] else ()
            return (*when, Part(spoken["name"], self.name_styles.style_of(name)), Part(spoken["text"]))
        return (Part(line),)

    def notice(self, text: str) -> list[Row]:
        """Render a notice of the client itself."""
        return [(Part(notice(readable(text)), Style.NOTICE),)]

    def rule(self, text: str, *, columns: int | None = None) -> list[Row]:
        """Render a line across the transcript, with a text in it."""
        width = columns - 1 if columns else _RULE_MAX
        text = cut_with_mark(readable(text), max(width - 4, 1))
        side = "─" * max((min(width, _RULE_MAX) - width_of_text(text) - 2) // 2, 1)
        return [(Part(f"{side} {text} {side}", Style.NOTICE),)]

    def plain(self, line: str) -> list[Row]:
        """Render a line without styles or stickers."""
        return [(Part(readable(line)),)]

    def own_line(self, line: str, *, prompt: str = PROMPT, columns: int | None = None) -> list[Row]:
        """Render a line of the person's own that the server does not send back, as it stood after the prompt."""
        drawn = self.catalogue.draw(readable(line), columns=columns)
        return [(Part(prompt + drawn.line),), *_below(drawn)]

    def stickers(self, *, columns: int | None = None) -> list[Row]:
        """Render the list of all stickers."""
        rows = listing(self.catalogue, columns=columns or 80) or ["There are no stickers."]
        return [(Part(row),) for row in rows]


def readable(line: str) -> str:
    """Clean a line. One that is too long is cut, visibly: a hostile server could send megabytes."""
    return clean(line) if len(line) <= SHOWN_MAX else f"{clean(line[:SHOWN_MAX])} …"


def timestamp(when: float, now: float) -> Part:
    """Return a time in the local zone, to the minute; with the day where that is not today's."""
    then, today = datetime.fromtimestamp(clamp_time(when)), datetime.fromtimestamp(now).date()
    return Part(f"{then:%H:%M} " if then.date() == today else f"{then:%Y-%m-%d %H:%M} ", Style.NOTICE)


def is_mention(entry: frames.Said, you: str, words: Sequence[str] = ()) -> bool:
    """Tell whether somebody else writes to `you` in private, or says your name or one of your words."""
    if not you or entry.author == you:
        return False
    if entry.kind == Kind.TOLD:
        return entry.to == you
    return entry.kind in (Kind.SAID, Kind.ACTED) and bool(_calls_of_all(entry.text, you, words))


def _calls_of_all(text: str, you: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Find the mentions of a name or of one of the words, in order, without overlaps."""
    found = _calls(text[:CALLED_MAX], you)
    if not words:
        return found
    by_words = (place for word in words for place in _calls(text[:WORDS_CALLED_MAX], word))
    merged: list[tuple[int, int]] = []
    for start, stop in sorted((*found, *by_words)):
        if not merged or start >= merged[-1][1]:
            merged.append((start, stop))
    return merged


@lru_cache(maxsize=16)  # an entry is asked about when it is rendered, and again for the bell
def _calls(text: str, name: str) -> list[tuple[int, int]]:
    """Find the mentions of a name. Most lines lack its letters, which is seen sooner than by folding them."""
    if text.isascii() and name.isascii() and name.lower() not in text.lower():
        return []
    from trio_chat.chat.words import calls  # takes 15 ms, which nobody should wait for at the start

    return calls(text, name)


def mark_mentions(part: Part, you: str, words: Sequence[str] = (), *, is_told: bool) -> Iterator[Part]:
    """Mark your name and your words where they are said; in a private message, mark its author."""
    if is_told or part.style is not Style.PLAIN:
        yield Part(part.text, Style.MENTION) if is_told and part.style in NAMES else part
        return
    end = 0
    for start, stop in _calls_of_all(part.text, you, words):
        yield Part(part.text[end:start])
        yield Part(part.text[start:stop], Style.MENTION)
        end = stop
    yield Part(part.text[end:])


def paint(
    rows: list[Row], *, is_coloured: bool, codes: Mapping[Style, str] = SGR, has_true_colours: bool = False
) -> str:
    """Return rows as text: with SGR sequences of these codes for a terminal or, without colours, plain.

    Pieces of pictures are in any colour where the terminal `has_true_colours`, else in those of xterm's 256.
    """

    def painted(part: Part) -> str:
        return _paint(part, codes, has_true_colours=has_true_colours) if is_coloured else part.text

    return "".join("".join(map(painted, row)) + "\n" for row in rows)


def _paint(part: Part, codes: Mapping[Style, str], *, has_true_colours: bool) -> str:
    if part.colours:
        front, back = (_colour_code(colour, is_true=has_true_colours) for colour in part.colours)
        code: str | None = ";".join(filter(None, (front and f"38;{front}", back and f"48;{back}")))
    else:
        code = codes.get(part.style)
    return f"\x1b[{code}m{part.text}\x1b[0m" if code else part.text


def _colour_code(colour: int | None, *, is_true: bool) -> str:
    """Return the end of the SGR code of a colour; empty for the terminal's own."""
    if colour is None:
        return ""
    return f"2;{colour >> 16};{colour >> 8 & 255};{colour & 255}" if is_true else f"5;{to_256(colour)}"


def entry_of(said: frames.Said) -> Entry:
    """Convert a frame to an entry. One of an unknown kind is shown by its text."""
    kind = Kind(said.kind) if said.kind in set(Kind) else Kind.CROWD
    draft = Draft(said.room, kind, said.author, said.text, said.to, account=said.account, to_account=said.to_account)
    return Entry(said.id, clamp_time(said.time), draft)


def clamp_time(time: float) -> float:
    """Return a time in seconds since 1970 that every platform can show."""
    return min(max(time, 0.0), _TIME_MAX)


def _below(drawn: Drawn) -> list[Row]:
    """Return the rows below a line; a view that shows pictures puts them in the places of their texts."""
    pictures: list[Row] = [
        (Part(INDENT), Part(picture.text, Style.NOTICE, picture=picture)) for picture in drawn.pictures
    ]
    return [*((Part(f"{INDENT}{row}".rstrip()),) for row in drawn.below), *pictures]
