"""The last lines of a report: whether all promises were kept."""

from collections.abc import Iterator, Sequence

VIOLATIONS_MAX = 20


def verdict(violations: Sequence[str], success: str) -> Iterator[str]:
    """Format the broken promises, a line each, or the sentence of a success."""
    if not violations:
        yield f"result: {success}"
        return
    yield f"result: FAILED, broken promises: {len(violations)}"
    yield from (f"  {violation}" for violation in violations[:VIOLATIONS_MAX])
    if len(violations) > VIOLATIONS_MAX:
        yield f"  and {len(violations) - VIOLATIONS_MAX} more"
