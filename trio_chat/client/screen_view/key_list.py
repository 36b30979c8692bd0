"""The list of all keys, as F1 shows it. Pure."""

from trio_chat.client.transcript.row_breaking import break_row
from trio_chat.client.transcript.rows import Part, Row, Style

KEYS = (
    ("Reading", ""),
    ("PgUp, PgDn", "scroll; at the top, older lines are loaded"),
    ("Esc, End", "go back to the newest line (End: in an empty draft); so does sending something"),
    ("Alt-Home, Alt-End", "go to the oldest line that is loaded, to the newest line"),
    ("Alt-u", "go to the first line that is new to you"),
    ("Ctrl-F, /search", "search in this room, or with in:ROOM in another: Up and Down choose, Enter goes there"),
    ("Rooms", ""),
    ("Alt-1 to Alt-9", "go to the room with that number"),
    ("Alt-a", "go to the next room with something new, those with a mention first"),
    ("Alt-/", "go back to the room before; again, to this one"),
    ("Alt-Up, Alt-Down, F5, F6", "go to the room above or below"),
    ("/join, /leave", "join a room; leave it, or close a private conversation"),
    ("/msg NAME [TEXT]", "begin a private conversation; what you type in it goes to that person alone"),
    ("Writing", ""),
    ("Enter", "send"),
    ("Alt-Enter", "begin another line of the same message"),
    ("Tab, Shift-Tab", "complete a name, a /command, a @sticker or a room; again for the next one"),
    ("F2, Alt-s", "choose a sticker: letters search, the arrow keys choose, Enter puts it into the draft"),
    ("Up, Down", "bring back what you sent before in this room; in a draft of several lines, move"),
    ("Ctrl-R", "bring back a line that you sent and that contains the draft; again for an older one"),
    ("Ctrl-A, Ctrl-E", "go to the beginning or end of the line"),
    ("Alt-b, Alt-f", "go a word back or forward"),
    ("Ctrl-W, Alt-d", "cut the word before or after the cursor"),
    ("Ctrl-U, Ctrl-K", "cut everything, or the rest of the line; Ctrl-Y brings it back"),
    ("Ctrl-T", "swap the letters around the cursor"),
    ("Ctrl-_, Alt-z", "undo"),
    ("Alt-r, Alt-x", "send again what could not be sent, or drop it"),
    ("Everything else", ""),
    ("Ctrl-C", "stop what is being sent; else clear the draft; else leave"),
    ("Ctrl-D", "leave, in an empty draft"),
    ("Ctrl-L", "redraw the screen"),
    ("Ctrl-Z", "suspend; fg comes back"),
    ("F1, or ? in an empty draft", "this list; any other key closes it"),
)
"""Headings, and keys with their effect."""

_KEY_COLUMNS = 26


def key_rows(columns: int) -> list[Row]:
    """Return the list for so many columns."""
    rows: list[Row] = []
    for keys, effect in KEYS:
        if not effect:
            rows += [(), (Part(keys, Style.STRONG),)]
        elif columns >= 2 * _KEY_COLUMNS:
            first, *others = break_row((Part(effect),), columns - _KEY_COLUMNS - 2)
            rows.append((Part(f"  {keys:<{_KEY_COLUMNS}}", Style.OWN), *first))
            rows += [(Part(" " * (_KEY_COLUMNS + 2)), *row) for row in others]
        else:
            rows.append((Part(f"  {keys}", Style.OWN),))
            rows += [(Part("    "), *row) for row in break_row((Part(effect),), columns - 4)]
    return rows[1:]
