"""The width of text on a terminal, in columns. Pure."""


def text_width(text: str) -> int:
    """Return the columns that a text without control characters takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # slow to import, and seldom needed; prompt_toolkit measures with it, too

    return max(wcswidth(text), 0)
