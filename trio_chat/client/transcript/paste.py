"""Drafts of several lines: splitting them into messages, and the question before they are sent. Pure."""

from collections.abc import Iterable, Iterator
from itertools import dropwhile

from trio_chat.chat.text import clean, with_tabs_as_blanks
from trio_chat.chat.typed_line import read_line
from trio_chat.chat.wording import command_meant
from trio_chat.wire import frames

LINES_UNASKED = 3
"""Lines that are sent without asking."""

DRAFT_CHARS_MAX = 256 * 1024
"""Characters of a draft; more than that is for a pipe."""

DRAFT_LINES_MAX = 10_000
"""Lines of a paste: to clean 256 KiB of one letter each would take 0.2 s."""

TOO_MUCH = (
    f"too much to be pasted: at most {DRAFT_CHARS_MAX // 1024} KiB and {DRAFT_LINES_MAX:,} lines, "
    "or pipe it into another join"
)

_FRAME_BYTES = frames.FRAME_LIMIT - 1024
"""Bytes of the lines of one message, in JSON; the rest is for its other fields."""

_EXCERPT_CHARS = 60
_FIRST_CHARS = 256
"""Characters of a line that are looked at first: most lines have a visible one among them."""

_CHOICES = "y/n/e (e: edit), then Enter:"


def is_too_much(text: str) -> bool:
    """Tell whether a paste is more than a draft can hold; to be asked before it is cleaned."""
    return len(text) > DRAFT_CHARS_MAX or text.count("\n") + text.count("\r") > DRAFT_LINES_MAX


def clean_paste(text: str) -> str:
    """Return a paste as it stands in the draft: clean, with tabs as blanks. It stays text by having a line break.

    The break at the end of a single line is left out, for a line that would be no command.
    """
    lines = [clean(with_tabs_as_blanks(line)) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    if len(lines) == 2 and not lines[1] and not _is_command(lines[0]):
        lines.pop()
    return "\n".join(lines)


def lines_in(draft: str) -> list[str]:
    """Return the lines of a draft, without blank ones at its beginning and end."""
    lines = ["" if _is_blank(line) else line for line in draft.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return list(dropwhile(lambda line: not line, lines))


def messages_in(draft: str, room: str) -> list[frames.Say]:
    """Return the messages of a draft of several lines: one, unless it has more than one message can hold."""
    return [
        frames.Say(room=room, lines=group) if len(group) > 1 else frames.Say(room=room, text=group[0])
        for group in _groups(lines_in(draft))
        if any(group)  # else it is one of very many blank lines
    ]


def with_blank_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of one read of a pipe, each with the blank lines between it and the one before in front.

    Blank lines at the beginning and the end are left out, and so are more than a message can hold.
    """
    blank = ""
    for line in dropwhile(_is_blank, lines):
        if _is_blank(line):
            blank += "\n"
        else:
            yield blank[: frames.LINES_LIMIT - 1] + line
            blank = ""


def message_of_pipe(line: str, room: str) -> frames.Say:
    """Return the message of a line of a pipe, which may have blank lines in front."""
    *blank, text = line.split("\n")
    text = with_tabs_as_blanks(text)
    return frames.Say(room=room, lines=[*blank, text]) if blank else frames.Say(room=room, text=text)


def question_about(draft: str, room: str) -> str:
    """Return the question to ask before a draft is sent; empty where there is none.

    `room` is the name of a private conversation if it begins with `@`.
    """
    name = clean(room)[: frames.KEY_LIMIT]
    where = f"{name.removeprefix(frames.MAILBOX)} alone" if room.startswith(frames.MAILBOX) else f"#{name}"
    if "\n" not in draft:
        meant = command_meant(draft)
        return f'say "{draft.strip()}" to {where}? {meant}. {_CHOICES}' if meant else ""
    lines = lines_in(draft)
    if lines and _is_command(lines[0]):
        count = "this line" if len(lines) == 1 else f"these {len(lines)} lines"
        return f"send {count} to {where} as text, not as a command? {_CHOICES}"
    return f"send these {len(lines)} lines to {where}? {_CHOICES}" if len(lines) > LINES_UNASKED else ""


def beginning_of(lines: Iterable[str]) -> str:
    """Return the beginning of a message."""
    first, *others = lines
    cut = clean(first)
    short = cut if len(cut) <= _EXCERPT_CHARS else f"{cut[:_EXCERPT_CHARS]}..."
    return f"{short} (and {len(others)} more lines)" if others else short


def _is_blank(line: str) -> bool:
    return not clean(line[:_FIRST_CHARS]).strip() and not clean(line).strip()


def _is_command(line: str) -> bool:
    typed = read_line(line)
    return typed.is_quit or bool(typed.command)


def _groups(lines: Iterable[str]) -> Iterator[list[str]]:
    """Divide lines into groups that each fit into a frame."""
    group: list[str] = []
    size = 0
    for line in lines:
        line_size = len(frames.encode(frames.Say(room="", text=line)))
        if group and (len(group) >= frames.LINES_LIMIT or size + line_size > _FRAME_BYTES):
            yield group
            group, size = [], 0
        group.append(line)
        size += line_size
    if group:
        yield group
