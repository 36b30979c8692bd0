"""What keeps a server from starting, and what an error is inside the groups that it comes in."""


class SetupError(Exception):
    """A file that the settings name cannot be used; the text says which, why and what to do."""


def bare(error: BaseException) -> BaseException:
    """Take an error out of the groups that nurseries put around it, as long as it is alone in them."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
