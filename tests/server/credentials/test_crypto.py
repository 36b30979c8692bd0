import subprocess
import sys
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.cheap_hashes import REAL_DUMMY_HASH, REAL_MEMORY_KIB, REAL_TIME_COST
from trio_chat.server.credentials import crypto as crypto_module
from trio_chat.server.credentials.crypto import ThreadedCrypto

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + KEY.public_key().public_bytes_raw()).decode()


@pytest.fixture
def real_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hash take as much work as in a server."""
    monkeypatch.setattr(crypto_module, "TIME_COST", REAL_TIME_COST)
    monkeypatch.setattr(crypto_module, "MEMORY_KIB", REAL_MEMORY_KIB)


@pytest.mark.usefixtures("real_work")
async def test_a_password_has_its_own_hash_and_no_other() -> None:
    crypto = ThreadedCrypto()

    hashed = await crypto.hash("correct horse")

    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await crypto.matches(hashed, "correct horse")
    assert not await crypto.matches(hashed, "battery staple")


@pytest.mark.parametrize("hashed", ["", "x", "$argon2id$v=19$m=65536,t=3,p=1$", "$argon2id$v=19$m=8,t=1,p=1$x$\u0430"])
async def test_what_is_no_hash_matches_nothing(hashed: str) -> None:
    assert not await ThreadedCrypto().matches(hashed, "")


async def test_a_signature_holds_for_its_key_and_its_bytes() -> None:
    crypto, signature = ThreadedCrypto(), b64encode(KEY.sign(b"these")).decode()
    other = BLOB[:-1] + ("A" if BLOB[-1] != "A" else "B")

    assert await crypto.is_signed(BLOB, signature, b"these")
    assert not await crypto.is_signed(BLOB, signature, b"those")
    assert not await crypto.is_signed(other, signature, b"these")


@pytest.mark.parametrize("signature", ["", "x", "\u0430" * 88, "A" * 88, b64encode(bytes(63)).decode()])
async def test_what_is_no_signature_proves_nothing(signature: str) -> None:
    assert not await ThreadedCrypto().is_signed(BLOB, signature, b"these")
    assert not await ThreadedCrypto().is_signed("x", b64encode(KEY.sign(b"these")).decode(), b"these")


def test_a_server_loads_no_cryptography_at_its_start() -> None:
    code = "import sys, trio_chat.cli, trio_chat.serve.app; print({*sys.modules} & {'argon2', 'cryptography', 'cffi'})"

    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert run.stdout == "set()\n"


@pytest.mark.usefixtures("real_work")
async def test_a_name_without_a_password_costs_as_much_as_one_with() -> None:
    real = await ThreadedCrypto().hash("correct horse")

    assert REAL_DUMMY_HASH.split("$")[:4] == real.split("$")[:4]
    assert [len(part) for part in REAL_DUMMY_HASH.split("$")] == [len(part) for part in real.split("$")]
    assert not await ThreadedCrypto().matches(REAL_DUMMY_HASH, "correct horse")
