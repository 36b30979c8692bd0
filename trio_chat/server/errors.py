"""What keeps a server from starting."""


class SetupError(Exception):
    """A file that the settings name cannot be used; the text says which, why and what to do."""
