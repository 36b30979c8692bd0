"""A scenario that cannot be measured on this machine says so, and fails nothing."""

import os
import subprocess
import sys

from tests.conftest import PATIENCE_S


def test_a_machine_without_redis_is_told_what_is_left_out() -> None:
    only = [word for name in ("redis", "behind", "nodes", "beside") for word in ("--only", name)]

    ended = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", *only],
        env=os.environ | {"PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert ended.returncode == 0
    assert ended.stdout.count("left out: there is no redis-server") == 3
    assert "left out: name its folder by --beside" in ended.stdout
