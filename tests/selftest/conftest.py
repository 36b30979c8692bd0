"""Servers that a self-test starts, and starts again."""

import subprocess

import pytest

from tests.fork_server import ForkingPopen


@pytest.fixture(autouse=True)
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork servers, in place of importing all of their code in each."""
    monkeypatch.setattr(subprocess, "Popen", ForkingPopen)
