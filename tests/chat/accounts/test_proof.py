import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from trio_chat.chat.accounts.account import checked_key
from trio_chat.chat.accounts.proof import UNBOUND, is_challenge, message_of, signed_bytes
from trio_chat.server.credentials.crypto import ThreadedCrypto

MESSAGE = message_of("login", epoch="e1", nonce="0" * 64, name="alice", binding=UNBOUND)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


def sign(key: Path, message: bytes, namespace: str = "trio-chat") -> str:
    """The signature that ssh-keygen makes, which stands at the end of its armour."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key]
    armour = subprocess.run(command, input=message, check=True, capture_output=True).stdout.decode()
    return b64encode(b64decode("".join(armour.splitlines()[1:-1]))[-64:]).decode()


async def test_a_signature_of_ssh_keygen_proves_what_it_was_made_for_and_nothing_else(key: Path) -> None:
    crypto, blob = ThreadedCrypto(), checked_key(key.with_suffix(".pub").read_text())
    signature = sign(key, MESSAGE)

    assert await crypto.is_signed(blob, signature, signed_bytes(MESSAGE))
    for other in (
        {"purpose": "claim"},
        {"epoch": "e2"},
        {"nonce": "1" * 64},
        {"name": "Alice"},
        {"binding": "f" * 64},
    ):
        fields = {"purpose": "login", "epoch": "e1", "nonce": "0" * 64, "name": "alice", "binding": UNBOUND} | other
        assert not await crypto.is_signed(blob, signature, signed_bytes(message_of(**fields)))  # type: ignore[arg-type]
    assert not await crypto.is_signed(blob, sign(key, MESSAGE, "git"), signed_bytes(MESSAGE))


@pytest.mark.parametrize(
    ("epoch", "nonce"), [("e1", "0" * 63), ("e1", "g" * 64), ("", "0" * 64), ("e\n", "0" * 64), ("e1", "0" * 64 + "\n")]
)
def test_a_client_signs_for_no_other_form_of_challenge(epoch: str, nonce: str) -> None:
    assert not is_challenge(epoch, nonce)
    assert is_challenge("e1", "0" * 64)
