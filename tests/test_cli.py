import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.http_server import Handler, http_server
from trio_chat import __version__
from trio_chat.cli import INTERRUPTED_STATUS, cli, run
from trio_chat.config import ServeSettings, settings_of
from trio_chat.journal.engines import ENGINES

ROOT = Path(__file__).parents[1]


SERVE_IN_LITTLE_MEMORY = """
import resource, sys
import trio_chat.serve.app
from trio_chat.cli import run
pages = int(open("/proc/self/statm").read().split()[0])
_, most = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 7 * 2**20, most))
sys.exit(run(["serve", "--host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--data", sys.argv[1]]))
"""
"""A server that has less address space left than a thread takes for its stack."""


def test_m15_a_server_without_the_memory_to_start_says_so_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVE_IN_LITTLE_MEMORY, str(tmp_path / "data")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr == "trio-chat: there is too little memory, or too low a limit of it or of processes\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["help", "serve"], ["check-config"]])
def test_an_output_that_no_disk_takes_is_told_in_one_line(arguments: list[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trio_chat", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TRIO_CHAT_DATA": str(tmp_path)},
        )

    assert done.returncode == 1
    assert done.stderr == "trio-chat: cannot write to stdout, or to a file: No space left on device\n"


INTERRUPTED_WHILE_LOADING = """
import importlib.abc, runpy, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            signal.raise_signal(signal.SIGINT)

module, sys.argv[1:] = sys.argv[1], ["join", "127.0.0.1", "1"]
sys.meta_path.insert(0, Interrupt())
runpy.run_module("trio_chat", run_name="__main__")
"""
"""A client that is interrupted when it begins to load one of its modules."""


@pytest.mark.parametrize("module", ["trio_chat.cli", "click", "trio_chat.client.join", "trio_chat.chat.text"])
def test_ctrl_c_while_the_code_is_loaded_is_no_traceback(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED_WHILE_LOADING, module]
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, cwd=tmp_path)

    assert done.returncode in (-signal.SIGINT, INTERRUPTED_STATUS)
    assert "Traceback" not in done.stderr


def imports_of(statement: str) -> set[str]:
    """The names of all modules that a fresh Python has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "70000"], "--port: expected a whole number from 0 to 65535, got '70000'"),
        (["serve", "--config", "/no/such.toml"], "/no/such.toml: cannot be read: No such file or directory"),
        (
            ["serve", "--keep", "1d", "--keep", "5x"],
            "--keep: expected a time from 60s to 36500d, such as 12h or 30d, "
            "or a whole number from 1 to 1000000000000000, got '5x'",
        ),
        (
            ["serve", "--deny", "10.0.0.0/8, x"],
            "--deny: expected networks such as 192.168.1.0/24 or fd00::/8, without a zone and with no bits set behind "
            "the mask, got '10.0.0.0/8, x'",
        ),
        (["serve", "--colour"], "No such option '--colour'; see trio-chat serve --help"),
        (["serve", "extra"], "Got unexpected extra argument (extra); see trio-chat serve --help"),
        (["sing"], "No such command 'sing'; see trio-chat --help"),
        (["joni"], "No such command 'joni'. Did you mean 'join'? See trio-chat --help"),
        (["join"], "Missing argument 'HOST'; see trio-chat join --help"),
        (["help", "sing"], "No such command 'sing'; see trio-chat --help"),
        (["join", "al@localhost", "--nick", "bob"], "two nicks: al@ and --nick bob"),
        (["join", "localhost", "0"], "PORT: expected a whole number from 1 to 65535, got '0'"),
        (["join", "localhost", "４７"], "PORT: expected a whole number from 1 to 65535, got '４７'"),
        (["join", "localhost:"], "PORT: expected a whole number from 1 to 65535, got ''"),
        (["join", "http://localhost:8080/"], "HOST: http:// is no chat's: expected HOST, HOST:PORT or NICK@HOST"),
        (
            ["join", "localhost 5555"],
            "HOST: expected a name or an address, and its port behind it, got 'localhost 5555'",
        ),
        (
            ["join", "localhost:5555:"],
            "HOST: expected a name or an address, and its port behind it, got 'localhost:5555:'",
        ),
        (["join", "bob@"], "HOST: expected a name or an address, and its port behind it, got ''"),
        (["join", "#lobby"], "HOST: expected a name or an address, and its port behind it, got '#lobby'"),
        (
            ["join", "localhost:5555", "5555"],
            "HOST: expected a name or an address, and its port behind it, got 'localhost:5555'",
        ),
        (["join", "fe80::1"], "HOST: fe80::1 needs the interface that leads there, as in fe80::1%eth0"),
        (["join", "[::1]:0"], "PORT: expected a whole number from 1 to 65535, got '0'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(arguments)

    assert status == 2
    assert capsys.readouterr() == ("", f"trio-chat: {said}\n")


def test_it_runs_as_a_module_and_tells_its_version() -> None:
    done = subprocess.run([sys.executable, "-m", "trio_chat", "--version"], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"trio-chat {__version__}\n", "")


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "serve" in capsys.readouterr().out


def test_the_help_of_serve_has_every_setting_under_a_heading_of_its_own() -> None:
    shown = CliRunner().invoke(cli, ["serve", "--help"]).output
    headings = [line[:-1] for line in shown.splitlines() if re.fullmatch(r"[A-Z].*:", line)]

    assert all(setting.flag in shown for setting in settings_of(ServeSettings))
    assert set(headings) == {setting.section for setting in settings_of(ServeSettings)} | {"Other options"}
    assert len(headings) == len(set(headings)) > 5


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["help"], "Usage: trio-chat [OPTIONS] [COMMAND]"),
        (["help", "join"], "Usage: trio-chat join [OPTIONS] [HOST] [PORT]"),
        (["help", "history", "export"], "Usage: trio-chat history export [OPTIONS] [FILE]"),
        (["history"], "Usage: trio-chat history [OPTIONS]"),
    ],
)
def test_asking_for_help_is_no_mistake(arguments: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert capsys.readouterr().out.startswith(shown)


@pytest.mark.parametrize("command", [["health"], ["history", "export"], ["history", "import"]])
def test_the_help_of_what_asks_or_reads_does_not_speak_of_serving(command: list[str]) -> None:
    shown = " ".join(CliRunner().invoke(cli, [*command, "--help"]).output.split())
    texts = {setting.help.replace("`", "") for setting in settings_of(ServeSettings)}

    assert "[default: " in shown
    assert not [text for text in texts if text in shown]


@pytest.mark.parametrize("group", [[], ["history"]])
def test_no_command_is_listed_with_half_a_sentence(group: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*group, "--help"]).output.partition("--help")[2]
    listed = [line for line in shown.splitlines()[1:] if line.startswith("  ")]

    assert len(listed) >= 3
    assert not [line for line in listed if line.endswith("...")]


def test_a_variable_and_a_file_reach_the_server(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("stall-timeout = 0")
    variables = {**os.environ, "TRIO_CHAT_CONFIG": str(config)}
    command = [sys.executable, "-m", "trio_chat", "serve"]

    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)

    expected = f"trio-chat: {config}: stall-timeout: expected a time from 0.1s to 35s, such as 2.5s or 30s, got 0\n"
    assert (done.returncode, done.stderr) == (2, expected)


@pytest.mark.parametrize("command", ["serve --data {} --admin-port 0 --port", "join 127.0.0.1"])
def test_a_variable_that_is_ignored_is_said(command: str, tmp_path: Path) -> None:
    variables = {**os.environ, "TRIO_CHAT_PROT": "1"}
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        if command.startswith("join"):
            holder.close()
        arguments = [*command.format(tmp_path).split(), str(port)]
        command_line = [sys.executable, "-m", "trio_chat", *arguments]
        done = subprocess.run(command_line, cwd=ROOT, env=variables, capture_output=True, text=True, input="")

    ignored, reason = done.stderr.splitlines()
    assert ignored.endswith("'TRIO_CHAT_PROT' is ignored: there is no such setting; did you mean TRIO_CHAT_PORT?")
    assert reason.startswith("trio-chat: cannot ")


def test_a_taken_port_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        command = f"-m trio_chat serve --journal memory: --host 127.0.0.1 --port {port} --admin-port 0".split()
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)

    expected = f"cannot listen on 127.0.0.1 port {port}: Address already in use; choose another with --port"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"trio-chat: {expected}\n")


def test_join_where_nobody_listens_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    command = f"-m trio_chat join 127.0.0.1 {port}".split()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, input="")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("trio-chat: ")


@pytest.mark.parametrize(
    ("address", "reached"), [("127.0.0.1:{}", "127.0.0.1"), ("localhost:{}", "localhost"), ("[::1]:{}", "[::1]")]
)
def test_the_port_may_stand_behind_the_host_as_the_server_writes_it(address: str, reached: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    command = ["-m", "trio_chat", "join", address.format(port)]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, input="")

    assert done.stderr.startswith(f"trio-chat: cannot reach {reached} port {port}: ")


@pytest.mark.parametrize("arguments", [("ann@127.0.0.1",), ("127.0.0.1", "-n", "ann"), ("ann@127.0.0.1", "-n", "ann")])
def test_the_nick_may_be_given_in_short(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-m", "trio_chat", "join", *arguments, "-r", "dev", str(server.getsockname()[1])]
        variables = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with process, server.accept()[0] as connection, connection.makefile("rb") as received:
            hello = json.loads(received.readline())
            process.kill()

    assert (hello["nick"], hello["rooms"]) == ("ann", ["dev"])


CODE = "abcdefghijklmnopqrstuvwxyz"


def first_bytes_of_invited(folder: Path, invite: str, count: int) -> tuple[bytes, int]:
    """Join by an invite with a server of ours in its place. -> the first bytes that it is sent, and its port"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-m", "trio_chat", "join", f"ann@localhost:{port}/{invite}"]
        variables = {**os.environ, "XDG_STATE_HOME": str(folder)}
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with process, server.accept()[0] as connection, connection.makefile("rb") as received:
            first = received.read(count)
            process.kill()
    return first, port


def test_an_invite_with_a_fingerprint_speaks_tls_from_the_first_byte(tmp_path: Path) -> None:
    first, port = first_bytes_of_invited(tmp_path, f"{CODE}/{'ab' * 32}", 2)

    assert first == b"\x16\x03"
    assert not (tmp_path / "trio-chat" / "known-servers" / f"localhost_{port}").exists()  # nothing has shown it yet


@pytest.mark.parametrize(
    "pasted",
    [
        *("trio-chat://localhost:1", "tcp://localhost:1/", "TELNET://localhost:1", "telnet://bob@localhost:1/"),
        *(" localhost:1\r\n", "\u200blocalhost:1"),
    ],
)
def test_a_host_may_be_pasted_as_a_url_or_with_what_is_around_it(
    pasted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert run(["join", pasted, "--once", "--wait", "0s"]) == 1

    assert "cannot reach localhost port 1:" in capsys.readouterr().err


@pytest.mark.parametrize("cut", ["", f"{CODE[:20]}", f"{CODE}/{'ab' * 20}"])
def test_an_invite_that_was_cut_off_is_told_from_a_host(cut: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["join", f"localhost:1/{cut}", "-n", "ann"]) == 2

    assert "that invite is not whole: copy the line again, to its end" in capsys.readouterr().err


def test_an_invite_without_tls_asks_for_a_challenge_first(tmp_path: Path) -> None:
    expected = b'{"type":"challenge","key":"proving"}\n'

    first, _ = first_bytes_of_invited(tmp_path, f"{CODE}/-", len(expected))

    assert first == expected


def test_an_invite_for_a_known_server_with_another_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "trio-chat" / "known-servers"
    folder.mkdir(parents=True)
    (folder / "localhost_1").write_text(f"SHA-256 {':'.join(['00'] * 32)}\n")

    assert run(["join", f"localhost:1/{CODE}/{'ab' * 32}"]) == 2

    assert "another certificate than localhost port 1 had before" in capsys.readouterr().err
    assert "00:00" in (folder / "localhost_1").read_text()


def test_serve_does_not_pay_for_the_client() -> None:
    assert imports_of("import trio_chat.serve.app").isdisjoint({"prompt_toolkit", "quart", "hypercorn", "wcwidth"})


def test_the_garbage_collector_does_not_walk_the_modules_of_the_chat_while_it_runs() -> None:
    """A full collection holds the loop: more than 10 ms for these modules alone, each time."""
    report = "trio.run = lambda *_, **__: print(gc.get_freeze_count())"
    code = f"import gc, trio\nfrom trio_chat.cli import cli\n{report}\ncli(['serve'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert int(done.stdout) > 20_000


def test_join_does_not_pay_for_the_server() -> None:
    loaded = imports_of("import trio_chat.cli, trio_chat.client.join")

    engines = {f"trio_chat.journal.{engine}.journal" for engine in ENGINES}
    assert loaded.isdisjoint({"quart", "hypercorn", "trio_chat.server", *engines})


def test_no_view_of_join_pays_for_another() -> None:
    pipe = imports_of("import trio_chat.client.join, trio_chat.client.line_view.app")
    screen = imports_of("import trio_chat.client.join, trio_chat.client.screen_view.app")

    assert pipe.isdisjoint({"urwid", "prompt_toolkit", "asyncio"})
    assert screen.isdisjoint({"prompt_toolkit", "trio_chat.client.line_view.app"})


def test_the_command_line_alone_costs_no_event_loop_and_no_chat() -> None:
    loaded = imports_of("import trio_chat.cli")

    assert loaded.isdisjoint({"trio", "asyncio", "sqlite3", "ssl", "trio_chat.chat.room", "trio_chat.chat.text"})


class Admin(Handler):
    """An admin API that says what its server's `status` tells it to."""

    def respond(self) -> tuple[int, bytes]:
        status = self.server.status if self.path == "/health" else 404  # type: ignore[attr-defined]
        return status, b'{"status":"..."}'


@pytest.fixture
def admin() -> Iterator[HTTPServer]:
    with http_server(Admin) as server:
        yield server


@pytest.mark.parametrize(("answer", "status"), [(200, 0), (503, 1), (403, 1)])
def test_health_is_the_status_of_the_admin_api(
    admin: HTTPServer, answer: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.status = answer  # type: ignore[attr-defined]

    assert run(["health", "--admin-port", str(admin.server_port)]) == status
    assert capsys.readouterr().out == '{"status":"..."}\n'


def test_health_of_no_server_is_one_line_and_status_1(admin: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    port = admin.server_port
    admin.socket.close()

    assert run(["health", "--admin-port", str(port)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"trio-chat: no answer from http://127.0.0.1:{port}/health: Connection re")
    assert message.endswith("; is the server running, and is this where its admin API listens?\n")


def test_commands_for_operators_pay_for_neither_server_nor_client_nor_event_loop() -> None:
    loaded = imports_of("import trio_chat.cli, trio_chat.operate.commands.clients, trio_chat.operate.commands.tail")

    assert loaded.isdisjoint({"trio", "asyncio", "sqlite3", "quart", "httpx", "trio_chat.server", "trio_chat.client"})


def test_the_command_line_alone_does_not_load_the_commands_for_operators() -> None:
    assert not [name for name in imports_of("import trio_chat.cli") if name.startswith("trio_chat.operate.commands")]
