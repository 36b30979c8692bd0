"""The faults that docs/faults.md lists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_has_a_test_by_its_name_and_every_such_test_its_fault() -> None:
    listed = re.findall(r"^\| ([CAM][0-9]+) \|", (ROOT / "docs/faults.md").read_text(encoding="utf-8"), re.MULTILINE)

    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    tested = {name.upper() for name in re.findall(r"def test_([cam][0-9]+)_", tests)}

    assert sorted(tested) == sorted(listed)
