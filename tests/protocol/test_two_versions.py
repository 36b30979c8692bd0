"""A server of a later version beside one of this: a copy of the tree that writes more than this one knows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.protocol.conftest import NODE_LEASE_S, Server
from tests.protocol.nodes import StartNode, clients_of, until
from tests.protocol.test_frames import HELLO, SECRET, Frames
from tests.protocol.test_names import claim_by_lines
from tests.protocol.test_operators import ask
from tests.protocol.test_remembering import leave, log_in
from tests.redis_server import RedisServer

ROOT = Path(__file__).parents[2]

LATER = 'later: str = "shining"\n'

CHANGES = {
    "trio_chat/chat/session_record.py": [
        ('    account: CleanWord = ""\n', '    account: CleanWord = ""\n    ' + LATER)
    ],
    "trio_chat/journal/records.py": [
        ("    keys: tuple[KeyRecord, ...] = ()\n", "    keys: tuple[KeyRecord, ...] = ()\n    " + LATER),
        ("    until: Time | None = None\n\n\nclass Mute", f"    until: Time | None = None\n    {LATER}\n\nclass Mute"),
        ("    marks: tuple[MarkRecord, ...] = ()\n", "    marks: tuple[MarkRecord, ...] = ()\n    " + LATER),
    ],
    "trio_chat/chat/remote_clients.py": [
        ('    proven_by: CleanWord = ""\n', '    proven_by: CleanWord = ""\n    ' + LATER),
        ("        client.mode,\n", '        "hologram",\n'),
    ],
    "trio_chat/journal/redis/rows.py": [
        ("draft.account, draft.to_account\n", 'draft.account, draft.to_account, "later"\n'),
        (
            "        draft.kind.value, draft.author",
            '        "waved" if draft.text == "wave" else draft.kind.value, draft.author',
        ),
        (
            "_KINDS = {kind.value: kind for kind in Kind}",
            '_KINDS = {kind.value: kind for kind in Kind} | {"waved": Kind.SAID}',
        ),
    ],
    "trio_chat/journal/redis/nodes.py": [
        ("reason.name, text)))", '"OUTSHONE", text)))\n        self._sender.send("z", client.node, b"later")'),
    ],
    "trio_chat/journal/redis/prelude.lua": [
        ("local prefix", "-- A later version: all scripts have other digests\nlocal prefix")
    ],
}
"""The later version: more fields in all that it writes, another way of speaking, another kind of entries, another
reason to end clients and another kind of signals."""


@pytest.fixture(scope="session")
def later_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("later")
    for folder in ("trio_chat", "admin_api"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in CHANGES.items():
        text = (tree / name).read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        (tree / name).write_text(text, encoding="utf-8")
    return tree


@contextmanager
def started(tree: Path, data: Path, redis: RedisServer) -> Iterator[Server]:
    url = f"{redis.url}?node=later&lease={NODE_LEASE_S}"
    flags = ("--port", "0", "--admin-port", "0", "--rate", "0", "--data", str(data), "--journal", url)
    process = subprocess.Popen(
        [sys.executable, "-m", "trio_chat", "serve", *flags],
        cwd=data,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    server = Server(process, data)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def later(later_tree: Path, tmp_path: Path, redis: RedisServer) -> Iterator[Server]:
    data = tmp_path / "later"
    data.mkdir()
    with started(later_tree, data, redis) as server:
        yield server


def records_in(redis: RedisServer, table: str) -> str:
    """Return the records of a table, one after the other."""
    return redis.ask("HVALS", f"{{trio-chat}}:{table}").decode()


def is_shining(redis: RedisServer, table: str) -> bool:
    """Tell whether each record of a table has the field of the later version."""
    answer = records_in(redis, table)
    return answer.count("{") == answer.count('"later":"shining"') > 0


@pytest.mark.slow
def test_two_versions_serve_one_chat_side_by_side(node: StartNode, later: Server, redis: RedisServer) -> None:
    present = node("present")
    alice, bob = later.join(), present.join()

    # What each says, the other reads; of a kind that it does not know, it says so
    alice.send(b"hello\n")
    bob.until(f"[127.0.0.1:{alice.port}]> hello")
    alice.send(b"wave\n/nick ann\n")
    heard = bob.until("is now [ann] ***")
    assert not [line for line in heard if "wave" in line]
    bob.send(b"hi\n/history 5\n")
    alice.until("> hi")
    assert any(
        re.fullmatch(r"\*\*\* entry \d+ is of a newer version of the server \*\*\*", line) for line in bob.until("> hi")
    )

    # Each sees the clients of the other
    until(lambda: [it["mode"] for it in clients_of(present, "?nick=ann")] == ["frames"])
    until(lambda: len(clients_of(later)) == 2)

    # A record that this version rewrites keeps what the later one had written
    ask(later, "POST", "/bans", network="192.0.2.0/24")
    until(lambda: ask(present, "GET", "/bans")["total"] == 1)
    ask(present, "PATCH", "/bans/192.0.2.0/24", reason="spam")
    until(lambda: "spam" in records_in(redis, "bans"))
    assert is_shining(redis, "bans")
    leave(claim_by_lines(later, name="carol"))
    until(lambda: ask(present, "GET", "/names")["total"] == 1)
    carol, _ = log_in(present, name="carol")
    carol.send(b"/join ops\n")
    carol.until_match("you are in #ops")
    leave(carol)
    until(lambda: "ops" in records_in(redis, "memories"))
    assert is_shining(redis, "accounts")
    assert is_shining(redis, "memories")
    Frames.enter(later, nick="dora", session=SECRET)
    dora = Frames(present, **HELLO, session=SECRET)
    assert dora.until("welcome")["resumed"]
    dora.send(type="join", room="ops", key="j")
    dora.until("joined", key="j")
    kept = until(lambda: re.search(r'{"owner":[^}]*"dora"[^}]*"ops"[^}]*}', records_in(redis, "sessions:present")))
    assert '"later":"shining"' in kept[0]

    # Orders of the later version are carried out, as far as this one knows them
    until(lambda: bob.port in [it["port"] for it in clients_of(later)])
    ask(later, "DELETE", f"/clients/{bob.port}", reason="noise")
    bob.until("*** you were kicked: noise ***")
    assert bob.rest() == b""
    assert ask(present, "GET", "/health")["status"] == "ok"
