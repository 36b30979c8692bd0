"""Signing proofs: with the client's own key, with files of ssh-keygen, and by a real ssh agent."""

import os
import socket
import stat
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.conftest import PATIENCE_S
from trio_chat.chat.accounts.account import is_blob, raw_key
from trio_chat.chat.accounts.proof import message_of, signed_bytes
from trio_chat.client.link import agent as agent_module
from trio_chat.client.link.agent import ANSWER_MAX, ANSWER_TIMEOUT_S, KEYS_MAX
from trio_chat.client.link.signing import AgentKeys, KeyFile, OwnKey, SigningError, signer_for

MESSAGE = message_of("login", epoch="e", nonce="0" * 64, name="alice", binding="-")
PASSPHRASE = "correct horse"


def is_good(proof: tuple[str, str] | None, message: bytes = MESSAGE) -> bool:
    assert proof
    blob, signature = proof
    assert is_blob(blob)
    try:
        Ed25519PublicKey.from_public_bytes(raw_key(blob)).verify(b64decode(signature), signed_bytes(message))
    except InvalidSignature:
        return False
    return True


def keygen(file: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", file], check=True)
    return file


def listens(address: Path) -> bool:
    """Tell whether somebody listens at a socket, which is a file a moment before."""
    with socket.socket(socket.AF_UNIX) as asker:
        return asker.connect_ex(os.fspath(address)) == 0


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real agent."""
    address = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL)
    while not listens(address):
        assert process.poll() is None
    monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
    yield address
    process.kill()
    process.wait()


def add(file: Path, passphrase: str = "", *, folder: Path) -> None:
    """Add a key to the agent."""
    ask = folder / "ask"
    ask.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
    ask.chmod(0o700)
    variables = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", file], env=variables, check=True, capture_output=True)


async def why_not(signer: KeyFile | OwnKey | AgentKeys, number: int = 0) -> str:
    with pytest.raises(SigningError) as caught:
        await signer.sign(MESSAGE, number)
    return str(caught.value)


async def test_ones_own_key_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    signer = OwnKey(tmp_path / "state" / "key")
    assert not signer.has_keys
    assert await signer.sign(MESSAGE, 0) is None

    blob = await signer.make_key()
    proof = await signer.sign(MESSAGE, 0)

    assert is_good(proof)
    assert not is_good(proof, MESSAGE + b"x")
    assert stat.S_IMODE((tmp_path / "state" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert os.listdir(tmp_path / "state") == ["key"]
    again = OwnKey(tmp_path / "state" / "key")
    assert (again.has_keys, await again.make_key(), proof and proof[0]) == (True, blob, blob)
    assert await again.sign(MESSAGE, 1) is None


async def test_two_clients_that_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    blobs: list[str] = []

    async def make() -> None:
        blobs.append(await OwnKey(tmp_path / "key").make_key())

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(make)

    assert len(set(blobs)) == 1


async def test_a_damaged_key_is_told_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("rubbish")

    assert await why_not(OwnKey(tmp_path / "key")) == (
        f"cannot use the key {tmp_path / 'key'}: it is damaged, or has a passphrase"
    )
    with pytest.raises(SigningError):
        await OwnKey(tmp_path / "key").make_key()
    assert (tmp_path / "key").read_text() == "rubbish"


async def test_a_key_of_ssh_keygen_signs(tmp_path: Path) -> None:
    file = keygen(tmp_path / "id")

    proof = await KeyFile(file).sign(MESSAGE, 0)

    assert is_good(proof)
    assert proof
    assert proof[0] in (tmp_path / "id.pub").read_text()
    assert await KeyFile(file).make_key() == proof[0]
    assert await KeyFile(file).sign(MESSAGE, 1) is None


@pytest.mark.parametrize("has_passphrase", [True, False])
@pytest.mark.parametrize("suffix", ["", ".pub"])
async def test_the_agent_signs_for_a_public_key_and_for_one_with_a_passphrase(
    agent: Path, tmp_path: Path, has_passphrase: bool, suffix: str
) -> None:
    passphrase = PASSPHRASE if has_passphrase else ""
    keygen(tmp_path / "other")
    file = keygen(tmp_path / "id", passphrase=passphrase)
    add(tmp_path / "other", folder=tmp_path)
    signer = KeyFile(tmp_path / f"id{suffix}")
    if has_passphrase or suffix:
        assert f"add it to the agent: ssh-add {file}" in await why_not(signer)

    add(file, passphrase, folder=tmp_path)
    proof = await signer.sign(MESSAGE, 0)

    assert is_good(proof)
    assert proof
    assert proof[0] in (tmp_path / "id.pub").read_text()


async def test_the_keys_of_the_agent_are_tried_one_after_the_other(agent: Path, tmp_path: Path) -> None:
    assert "add one with ssh-add FILE" in await why_not(AgentKeys())
    files = [keygen(tmp_path / name, kind=kind) for name, kind in (("a", "ed25519"), ("r", "ecdsa"), ("b", "ed25519"))]
    for file in files:
        add(file, folder=tmp_path)

    proofs = [await AgentKeys().sign(MESSAGE, number) for number in range(2)]

    assert all(map(is_good, proofs))
    assert len({proof[0] for proof in proofs if proof}) == 2
    assert await AgentKeys().sign(MESSAGE, 2) is None


async def test_a_file_with_another_kind_of_key_is_told_by_name(tmp_path: Path) -> None:
    file = keygen(tmp_path / "id", kind="ecdsa")

    assert await why_not(KeyFile(file)) == f"{file} is no ssh-ed25519 key: make one with ssh-keygen -t ed25519"
    assert "expected a public key that begins with ssh-ed25519" in await why_not(KeyFile(tmp_path / "id.pub"))
    pem = tmp_path / "pem"
    pem.write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    assert await why_not(KeyFile(pem)) == f"{pem} is no ssh-ed25519 key of OpenSSH"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file"),
        (b"", "it is empty"),
        (b"x" * 65537, "File too large"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "is damaged"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n\xff\xff\xff\n", "is damaged"),
        (b"rubbish", "that is no public key"),
        (b"\xff\xfe", "that is no public key"),
    ],
)
async def test_a_file_that_is_no_key_is_one_sentence(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "id"
    if content is not None:
        file.write_bytes(content)

    said = await why_not(KeyFile(file))

    assert why in said
    assert "\n" not in said


async def test_without_an_agent_its_absence_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert await why_not(AgentKeys()) == "the agent signs nothing (there is no agent: SSH_AUTH_SOCK is not set)"

    for address in (str(tmp_path / "nowhere"), "x" * 500):
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        assert await why_not(AgentKeys()) == "the agent signs nothing (it cannot be reached)"


def listing(*keys: bytes, count: int | None = None) -> bytes:
    strings = b"".join(len(part).to_bytes(4) + part for key in keys for part in (key, b"a comment"))
    return b"\x0c" + (len(keys) if count is None else count).to_bytes(4) + strings


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\x05", "it refused"),
        (b"", "it refused"),
        (None, "it hung up"),
        (listing(count=2**32 - 1), "no ssh-ed25519 key"),
        (listing(*[b"rubbish"] * 200), "no ssh-ed25519 key"),
        (b"x" * (ANSWER_MAX + 1), "its answer is too long"),
    ],
)
async def test_an_agent_that_answers_nonsense_is_none(
    answer: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nursery: trio.Nursery
) -> None:
    await nursery.start(serve_agent, tmp_path / "fake", answer)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "fake"))

    with trio.fail_after(PATIENCE_S):
        assert why in await why_not(AgentKeys())


async def test_an_agent_with_very_many_keys_is_read_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nursery: trio.Nursery
) -> None:
    key = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    keys = [key + number.to_bytes(32) for number in range(500)]
    await nursery.start(serve_agent, tmp_path / "fake", listing(*keys))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "fake"))

    assert len(await agent_module.agent_keys()) == KEYS_MAX


async def test_an_agent_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    await nursery.start(serve_agent, tmp_path / "fake", ...)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "fake"))

    assert f"no answer within {ANSWER_TIMEOUT_S:g} s" in await why_not(AgentKeys())


async def serve_agent(address: Path, answer: object, task_status: trio.TaskStatus[None]) -> None:
    """Answer every request so; with None, hang up; with ..., say nothing."""
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    with sock:
        await sock.bind(str(address))
        sock.listen()
        task_status.started()
        connection, _ = await sock.accept()
    with connection:
        await connection.recv(4096)
        if answer is ...:
            await trio.sleep_forever()
        if isinstance(answer, bytes):
            with suppress(trio.BrokenResourceError):
                await trio.SocketStream(connection).send_all(len(answer).to_bytes(4) + answer)


def test_the_key_is_the_own_one_unless_another_is_named(tmp_path: Path) -> None:
    assert isinstance(signer_for(None, tmp_path), OwnKey)
    assert isinstance(signer_for("agent", tmp_path), AgentKeys)
    assert isinstance(signer_for("~/.ssh/id_ed25519", tmp_path), KeyFile)
