"""A running server takes up changed settings, as its operator sees it."""

import os
import pty
import select
import signal
import sys
from pathlib import Path

import pytest


def test_sighup_takes_up_the_file_and_says_what_changed(start, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("max-clients = 10\n")
    server = start("--config", str(file))
    alice = server.join()

    file.write_text("max-clients = 1\nwindow-entries = 9\n")
    server.process.send_signal(signal.SIGHUP)
    server.console(r"^Reloaded max-clients: 1 \(was 10\)$")
    server.console(r"^window-entries needs a restart: still 65536, not 9$")

    assert server.connect().rest() == b"*** the server is full: try again later ***\n"
    alice.send(b"/who\n")
    assert alice.until("(you) ***")


def test_hold_announce_max_and_keep_change_at_once(start, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text('hold = "1h"\n')
    server = start("--config", str(file))
    bob = server.join()
    alice = server.connect(b'{"type": "hello", "protocol": 1, "session": "%s", "nick": "alice"}\n' % (b"s" * 32))
    bob.until("[alice] joined the chat ***")
    alice.close()
    server.console("disconnected")
    bob.send(b"".join(b"line %d\n" % number for number in range(50)))
    assert len(remembered(bob)) >= 48

    file.write_text('hold = "0.1s"\nannounce-max = 1\nkeep = ["10"]\n')
    server.process.send_signal(signal.SIGHUP)
    server.console(r"^Reloaded keep: 10 \(was everything\)$")
    server.console(r"^Reloaded hold: 0.1s \(was 1h\)$")
    server.console(r"^Reloaded announce-max: 1 \(was 500\)$")

    assert bob.line() == "*** [alice] left the chat ***"
    server.join()
    assert bob.line() == "*** 1 joined ***"
    while len(lines := remembered(bob)) > 10:  # it is pruned in the background
        assert "> line 49" in lines[-1]
    assert "> line 49" in lines[-1]


def remembered(peer) -> list[str]:
    """The last texts said that are still in the history."""
    peer.send(b"/history 50\n/topic\n")
    return [line for line in peer.until("no topic ***") if "> line " in line]


def test_a_bad_file_changes_nothing_and_says_why(start, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("max-clients = 10\n")
    server = start("--config", str(file))

    file.write_text("max-clients = 1\nrate = many\n")
    server.type("reload")

    server.console(rf"^Nothing was reloaded: {file}: not valid TOML: ")
    server.join()
    server.join()


@pytest.mark.slow
def test_a_file_that_never_answers_changes_nothing_and_a_later_reload_works(start, tmp_path: Path) -> None:
    file, pipe = tmp_path / "chat.toml", tmp_path / "password"
    os.mkfifo(pipe)
    file.write_text("max-clients = 10\n")
    server = start("--config", str(file))

    file.write_text(f'max-clients = 1\npassword-file = "{pipe}"\n')
    server.process.send_signal(signal.SIGHUP)

    server.console(rf"^Nothing was reloaded: the password file {pipe} did not answer within 2 s$")
    file.write_text("max-clients = 2\n")
    server.process.send_signal(signal.SIGHUP)
    server.console(r"^Reloaded max-clients: 2 \(was 10\)$")
    assert server.stop() == 0


def test_the_console_reloads_renewed_files(start, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    server = start("--password-file", str(file))

    file.write_text("new\n")
    server.type("reload")
    server.console("^Reloaded the password$")

    server.type("audit")
    server.console("  console  reload  1 applied, 0 waiting for a restart$")
    peer = server.connect()
    assert peer.line() == "*** password: ***"
    peer.send(b"old\n")
    assert peer.line() == "*** wrong password: try again ***"
    peer.send(b"new\n/who\n")
    assert peer.line().endswith("(you) ***")


def test_the_console_answers_a_reload_before_the_next_command(start) -> None:
    server = start()

    server.process.stdin.write(b"reload\nbans\n")

    assert server.console(r"^(Nothing has changed|No bans)$")[0] == "Nothing has changed"
    assert server.console(r"^(Nothing has changed|No bans)$")[0] == "No bans"


def test_a_server_whose_terminal_is_closed_stops_in_good_order(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if not pid:
        flags = ["serve", "--port", "0", "--admin-port", "0", "--data", str(tmp_path)]
        os.execv(sys.executable, [sys.executable, "-m", "trio_chat", *flags])
    said = b""
    while b"Admin API started" not in said:
        assert select.select([terminal], [], [], 20)[0]
        said += os.read(terminal, 4096)

    os.close(terminal)

    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
