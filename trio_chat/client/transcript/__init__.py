"""The transcript: how events are rendered and how input is understood, for every view.

Pure: it must not know a terminal, a clock, a file, an event loop, or the link itself.
"""
