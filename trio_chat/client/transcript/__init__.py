"""The transcript: rendering of events and interpretation of input, for every view.

Pure: it must not know a terminal, a clock, a file, an event loop, or the link itself.
"""
