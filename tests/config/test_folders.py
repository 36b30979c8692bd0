"""Folders of a user without a home, as in a container that runs under any uid."""

import os
import subprocess
import sys

import pytest

from tests.conftest import PATIENCE_S

# It gives up its name when all is imported: nobody else may be able to read Python here.
CODE = """
import os, sys, trio_chat.serve.app, trio_chat.client.join, encodings.utf_8_sig, encodings.idna
from trio_chat.cli import run
os.chdir("/"); os.setgroups([]); os.setgid(54321); os.setuid(54321)
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["serve", "--port", "0"], "--data DIR"),
        (["check-config"], "--data DIR"),
        (["history", "export"], "--data DIR"),
        (["join", "127.0.0.1", "1"], "XDG_STATE_HOME"),
        (["join", "--tls", "127.0.0.1", "1"], "XDG_STATE_HOME"),
    ],
)
def test_a_user_without_a_home_is_told_what_to_do(arguments: list[str], remedy: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        input="x\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )

    assert done.returncode != 0
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("trio-chat: this user has no home folder: ")
    assert remedy in done.stderr
