"""The error that keeps a server from starting."""


class SetupError(Exception):
    """The server cannot start with these settings; the text says what is in the way, why, and what to do."""
