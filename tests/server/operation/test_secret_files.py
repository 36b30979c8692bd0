"""The password file."""

from pathlib import Path

import pytest

from trio_chat.config import ServeSettings
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.secret_files import Password, read_admin_token, read_password


@pytest.mark.parametrize("content", ["geheim 🗝", "geheim 🗝\n", "geheim 🗝\r\nsecond line\n", "\ufeffgeheim 🗝\r\n"])
def test_the_first_line_is_the_password(tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content.encode())

    password = read_password(file)

    assert password.is_set
    assert password.matches("geheim 🗝")
    assert not password.matches("geheim")
    assert not password.matches("")


def test_the_admin_token_of_a_file_that_windows_wrote_is_without_its_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes("\ufeffa-token-of-an-operator\r\n".encode())

    assert read_admin_token(ServeSettings(admin_token_file=file)).value == "a-token-of-an-operator"


def test_without_a_file_anything_matches() -> None:
    password = read_password(None)

    assert not password.is_set
    assert password.matches("x")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "must hold a password"), (b"\nx", "must hold a password"), (b"x" * 600, "1 to 512"), (b"\xff", "not UTF-8")],
)
def test_m7_a_file_without_a_password_is_refused_by_name(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)

    with pytest.raises(SetupError, match=why) as refusal:
        read_password(file)

    assert str(file) in str(refusal.value)


def test_m7_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nowhere: No such file or directory"):
        read_password(tmp_path / "nowhere")


def test_a_password_is_in_no_attribute() -> None:
    assert "geheim" not in str(vars(Password("geheim")))
