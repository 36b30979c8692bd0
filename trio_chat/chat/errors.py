"""The error of the domain: a rule refused something."""


class ChatError(Exception):
    """A rule refused something: `code` is a short word for programs, `text` a sentence for people.

    Each surface (lines, frames, console, HTTP) translates it once, at its own edge.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
