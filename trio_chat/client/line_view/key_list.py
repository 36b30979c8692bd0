"""The list of keys of the line view, for `/help`. Pure."""

KEYS = (
    ("Tab", "complete a name, a /command, a @sticker or a room"),
    ("Up, Down", "bring back what you typed before"),
    ("Ctrl-R", "search in that"),
    ("Alt-Enter", "begin another line of the same message"),
    ("Ctrl-L", "clear the screen"),
    ("Ctrl-C", "stop what is being sent; else clear the line; else leave"),
    ("Ctrl-D", "leave, in an empty line"),
    ("Ctrl-U, Ctrl-W", "clear the line, or the word before the cursor; Ctrl-Y brings it back"),
)
"""Keys, each with its effect."""
