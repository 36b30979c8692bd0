"""The screen view: the chat on the whole of a terminal, in panes, drawn by urwid.

urwid takes 0.1 s to import: import this only where the view is wanted.
"""
