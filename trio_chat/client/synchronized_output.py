"""Synchronized output (DEC mode 2026): a terminal that supports it shows everything between the two at once. Pure."""

BEGIN_FRAME, END_FRAME = "\x1b[?2026h", "\x1b[?2026l"
