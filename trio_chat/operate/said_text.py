"""The text that a command is to say: its words, or what is on stdin."""

import sys

import click

INPUT_MAX = 64 * 1024
"""Characters of a text on stdin that are read; the server takes fewer."""


def read_text(words: tuple[str, ...]) -> str:
    """Return the text of the command line, or that on stdin. Raises click.UsageError where there is none."""
    if words and words != ("-",):
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise click.UsageError("Missing argument 'TEXT': give it, or pipe it in")
    text = sys.stdin.read(INPUT_MAX)
    if not text.strip():
        raise click.UsageError("there is no text on stdin")
    return text
