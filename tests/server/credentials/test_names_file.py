"""The file with names: ssh's `authorized_keys`, read as strictly as it has to be."""

import os
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.server.credentials.names_file import LINES_MAX, SIZE_MAX, ListedName, parse_names, read_names_file
from trio_chat.server.errors import SetupError

BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()


def test_keys_are_read_with_their_names() -> None:
    text = f"""# the team

ssh-ed25519 {BLOB} alice
  command="trio-chat join x --nick bob",no-pty ssh-ed25519 {BLOB}   bob
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB carol
"""

    found = parse_names(text)

    assert found.listed == (ListedName("alice", BLOB, 3), ListedName("bob", BLOB, 4))
    assert found.warnings == ("names-file line 5: keys of the type ssh-rsa prove no name, only ssh-ed25519 does",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"ssh-ed25519 {BLOB}", "the key has no name"),
        (f"ssh-ed25519 {BLOB} alice@laptop", "a nick"),
        (f"ssh-ed25519 {BLOB} server", "server"),
        ("ssh-ed25519 AAAA alice", "no public key"),
        ("alice", "no public key"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "names"
    file.write_text(f"# team\n{line}\n")

    with pytest.raises(SetupError, match=rf"the names file .*/names, line 2: .*{reason}"):
        read_names_file(file)


def test_no_file_means_no_names() -> None:
    assert read_names_file(None).listed == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#" * (SIZE_MAX + 1), f"more than {SIZE_MAX} bytes"),
        (b"\n" * (LINES_MAX + 1), f"line {LINES_MAX + 1}"),
        (b"\xff\n", "not in UTF-8"),
    ],
    ids=["size", "lines", "encoding"],
)
def test_a_file_that_cannot_be_one_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "names"
    file.write_bytes(data)

    with pytest.raises(SetupError, match=reason):
        read_names_file(file)


def test_a_file_as_windows_writes_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "names"
    file.write_bytes(f"ssh-ed25519 {BLOB} alice\r\n".encode("utf-8-sig"))

    assert [listed.name for listed in read_names_file(file).listed] == ["alice"]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"cannot read the names file .*: {os.strerror(2)}"):
        read_names_file(tmp_path / "missing")


@given(st.lists(st.one_of(st.just(f"ssh-ed25519 {BLOB} alice"), st.text(max_size=60)), max_size=6).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_names(text)
    except SetupError:
        return
    assert all(key.blob == BLOB and key.name for key in found.listed)
