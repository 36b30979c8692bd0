"""The transcript: what events look like and what input means, for every view.

Pure: it knows no terminal, no clock, no file and no event loop.
"""
