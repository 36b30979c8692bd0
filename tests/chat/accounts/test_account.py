import subprocess
from pathlib import Path

import pytest

from trio_chat.chat.accounts.account import (
    Account,
    KeyProof,
    PasswordProof,
    checked_key,
    fingerprint_of,
    is_blob,
    raw_key,
)
from trio_chat.chat.answers import NameRequest
from trio_chat.chat.errors import ChatError

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIKq7u8zM3d3u7v8AESIzRFVmd4iZqrvM3e7/ABEiM0RV"
RSA = "AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7"


@pytest.mark.parametrize(
    "text",
    [
        BLOB,
        f"ssh-ed25519 {BLOB}",
        f"ssh-ed25519 {BLOB} alice@laptop",
        f"  ssh-ed25519   {BLOB}  ",
        f'no-pty,command="x ssh-ed25519" ssh-ed25519 {BLOB} alice',
    ],
)
def test_a_key_is_read_from_its_word_or_its_line(text: str) -> None:
    assert checked_key(text) == BLOB


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        BLOB[:-1],
        BLOB + "A",
        BLOB.replace("C3Nz", "C3Ny"),
        f"ssh-rsa {RSA}",
        f"ssh-ed25519 {RSA}",
        f"sk-ssh-ed25519@openssh.com {BLOB}",
        f"ssh-ed25519-cert-v01@openssh.com {BLOB}",
        f"ssh-ed25519 {BLOB[:-1]}\u0430",
        "ssh-ed25519 " + "A" * 10_000,
    ],
)
def test_what_is_no_ed25519_key_is_refused(text: str) -> None:
    with pytest.raises(ChatError) as raised:
        checked_key(text)

    assert raised.value.code == "bad-key"


def test_a_key_that_openssh_made_has_its_fingerprint(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    line = (tmp_path / "key.pub").read_text()
    shown = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "key.pub"], check=True, capture_output=True, text=True)

    blob = checked_key(line)

    assert is_blob(blob)
    assert len(raw_key(blob)) == 32
    assert fingerprint_of(blob) in shown.stdout.split()


def test_no_secret_is_in_what_is_logged() -> None:
    values = (
        PasswordProof("hunter22"),
        NameRequest("login", "alice", "hunter22", "hunter22"),
        Account("1", "alice", 1.0, 1.0, "own", (), "hunter22"),
    )

    assert "hunter22" not in repr(values)
    assert "sig" in repr(KeyProof(BLOB, "sig"))
