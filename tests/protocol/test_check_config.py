"""`trio-chat check-config`."""

import os
from pathlib import Path

import pytest

from trio_chat.cli import run


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in [name for name in os.environ if name.startswith("TRIO_CHAT_")]:
        monkeypatch.delenv(name)


def test_it_shows_every_setting_and_where_it_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chat.toml"
    file.write_text('rate = 7\nallow = ["10.0.0.0/8"]\n')
    monkeypatch.setenv("TRIO_CHAT_ADMIN_TOKEN", "nobody-may-see-this")

    status = run(["check-config", "--config", str(file), "--data", str(tmp_path / "data"), "--burst", "9"])

    shown, errors = capsys.readouterr()
    assert (status, errors) == (0, "")
    rows = shown.splitlines()
    assert f"rate = 7  ({file}: rate)" in rows
    assert f"allow = 10.0.0.0/8  ({file}: allow)" in rows
    assert "burst = 9  (--burst)" in rows
    assert "port = 5555  (default)" in rows
    assert "admin-token = (secret)  (TRIO_CHAT_ADMIN_TOKEN)" in rows
    assert "nobody-may-see-this" not in shown


def test_it_says_all_that_is_wrong_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chat.toml"
    file.write_text('rate = "many"\nprot = 5\n')
    password, certificate, data = tmp_path / "password", tmp_path / "chat.pem", file / "data"
    certificate.write_text("rubbish")
    flags = f"--password-file {password} --tls-cert {certificate} --data {data} --admin-host 0.0.0.0".split()

    status = run(["check-config", "--quiet", "--config", str(file), *flags])

    shown, errors = capsys.readouterr()
    assert (status, shown) == (1, "")
    expected = (
        f"{file}: there is no setting 'prot'; did you mean port?",
        f"{file}: rate: expected a whole number from 0 to 1000000, got 'many'",
        f"cannot read the password file {password}: No such file or directory",
        f"cannot use the TLS certificate {certificate} with the key {certificate}: expected PEM files",
        f"cannot write in the data folder {data}: choose another one with --data",
        "anyone who can reach 0.0.0.0 could use the admin API: require a token",
    )
    rows = errors.splitlines()
    assert len(rows) == len(expected)
    assert all(row.startswith(f"trio-chat: {start}") for row, start in zip(rows, expected, strict=True))


def test_a_variable_that_a_server_would_ignore_is_wrong_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIO_CHAT_PROT", "1")

    assert run(["check-config", "--quiet", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("trio-chat: 'TRIO_CHAT_PROT' is ignored")


def test_it_makes_nothing(tmp_path: Path) -> None:
    flags = f"--data {tmp_path / 'data'} --admin-host 0.0.0.0 --admin-token-file {tmp_path / 'token'}".split()

    assert run(["check-config", "--quiet", *flags]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_a_server_has_is_no_problem_and_a_broken_one_is(
    start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start()
    assert run(["check-config", "--quiet", "--data", str(tmp_path)]) == 0
    server.stop()
    assert run(["check-config", "--quiet", "--data", str(tmp_path)]) == 0

    (tmp_path / "journal.db").write_bytes(b"rubbish" * 100)

    assert run(["check-config", "--quiet", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"trio-chat: {tmp_path / 'journal.db'} is not a journal of trio-chat")


def test_a_journal_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check-config", "--quiet", "--journal", "mysql:"]) == 1
    assert capsys.readouterr().err.startswith("trio-chat: there is no journal 'mysql:'")


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_tilde_that_no_shell_expanded_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by_variable: bool
) -> None:
    (tmp_path / "chat.toml").write_text("rate = 7\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    flags = [] if by_variable else ["--config=~/chat.toml"]
    if by_variable:
        monkeypatch.setenv("TRIO_CHAT_CONFIG", "~/chat.toml")

    assert run(["check-config", "--data", str(tmp_path / "data"), "--port", "0", *flags]) == 0

    assert "rate = 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--config", "cannot be read: it is larger than 256 KiB"),
        ("--tls-cert", "cannot read the TLS certificate"),
        ("--tls-key", "cannot read the TLS key"),
        ("--proxy-cert", "cannot read the certificate of the proxy"),
        ("--password-file", "must hold a password of 1 to"),
        ("--admin-token-file", "must hold"),
    ],
)
def test_no_file_is_read_that_is_far_too_large(
    tmp_path: Path, certificate: Path, capsys: pytest.CaptureFixture[str], flag: str, why: str
) -> None:
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(300 * 1024)
    certified = ["--tls-cert", str(certificate)] if flag == "--tls-key" else []

    status = run(["check-config", "--data", str(tmp_path / "data"), *certified, flag, str(endless)])

    errors = capsys.readouterr().err
    assert status != 0
    assert why in errors
    assert errors.count("\n") == 1
    if "cannot" in why:
        assert "it is larger than 256 KiB" in errors


def test_it_reads_the_files_that_a_server_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, stickers = tmp_path / "names", tmp_path / "stickers.toml"
    names.write_text("ssh-ed25519 rubbish\n")
    stickers.write_text('[cat]\ntext = "meow"\n', encoding="utf-16")
    flags = ["--names-file", str(names), "--stickers", str(stickers), "--data", str(tmp_path / "data")]

    status = run(["check-config", "--quiet", *flags])
    errors = capsys.readouterr().err.splitlines()
    names.write_text("ssh-rsa AAAA ann\n")
    second_status = run(["check-config", "--quiet", *flags])

    assert status == 1
    assert errors[0].startswith(f"trio-chat: the names file {names}, line 1: ")
    assert errors[1].startswith(f"trio-chat: stickers: {stickers}: not UTF-8 at byte 0")
    assert second_status == 0
    assert "keys of the type ssh-rsa prove no name" in capsys.readouterr().err
