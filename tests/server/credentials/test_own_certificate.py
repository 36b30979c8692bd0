"""The certificate that a server makes for itself."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from trio_chat.server.credentials import own_certificate as module
from trio_chat.server.credentials.own_certificate import host_name, open_own_certificate, own_certificate
from trio_chat.server.errors import SetupError
from trio_chat.server.transport.tls import Tls


def test_it_is_made_once_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    data = tmp_path / "data"

    file = open_own_certificate(data)
    made = file.read_bytes()

    assert file == own_certificate(data)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(data.iterdir()) == [file]
    assert open_own_certificate(data).read_bytes() == made


def test_it_bears_the_host_name_and_lasts_for_ten_years(tmp_path: Path) -> None:
    made = x509.load_pem_x509_certificate(open_own_certificate(tmp_path).read_bytes())

    assert made.subject.rfc4514_string() == f"CN={host_name()}"
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host_name()]
    assert made.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=23)
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3650)


def test_a_server_takes_it_and_knows_its_digest(tmp_path: Path) -> None:
    file = open_own_certificate(tmp_path)

    tls = Tls(file, None, is_required=False)

    made = x509.load_pem_x509_certificate(file.read_bytes())
    assert tls.certificate_digest == made.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("name", ["", "é", "x" * 65])
def test_a_host_name_that_no_certificate_can_bear_is_localhost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.socket, "gethostname", lambda: name)

    assert host_name() == "localhost"


def test_a_folder_in_which_it_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(SetupError, match=r"cannot make the TLS certificate .*tls.pem: "):
        open_own_certificate(tmp_path / "data")
