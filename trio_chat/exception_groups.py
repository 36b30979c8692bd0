"""Exception groups: Trio's nurseries raise them, also around a single exception. Pure."""


def leaf_exceptions(error: BaseException) -> list[BaseException]:
    """Return the exceptions in a group, however deep it is nested, in its order; `[error]` where it is no group."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for part in error.exceptions for leaf in leaf_exceptions(part)]
