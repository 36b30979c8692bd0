"""The error that keeps a server from starting."""


class SetupError(Exception):
    """The server cannot start as its settings ask; the text says what is in the way, why, and what to do."""
