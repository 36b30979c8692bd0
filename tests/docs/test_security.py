"""The tests that docs/security.md names."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tests_that_the_page_names_are_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+/(?:\w+\.py)?)`", page)

    assert len(named) > 20
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
