"""Flicker of the prompt: looks at a tmux pane while others speak. It prints numbers and never fails. Needs tmux.

python -m bench.flicker [LOOKS] [LINES_PER_SECOND]

If irssi or weechat is installed, it is looked at in the same run, at as many lines a second from a server of its kind.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHAT = [sys.executable, "-m", "trio_chat"]
DRAFT = "half a line"


def main() -> None:
    """Measure and print."""
    looks, rate = (int(argument) for argument in [*sys.argv[1:], "60", "70"][:2])
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--port", "0", "--admin-port", "0", "--rate", "0", "--data", folder]
        server = subprocess.Popen([*CHAT, "serve", *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            found = re.search(r"port: (\d+)", server.stdout.readline() if server.stdout else "")
            port = int(found[1]) if found else 0
            _report("trio-chat", _measure(port, Path(folder), looks, rate), looks, rate)
            for name in filter(shutil.which, ("irssi", "weechat")):
                _report(name, _measure_control(name, Path(folder), looks, rate), looks, rate)
        finally:
            server.terminate()
            server.wait()


def _report(name: str, missing: int, looks: int, rate: int) -> None:
    print(f"{name}: prompt and draft missing in {missing} of {looks} looks at {rate} lines/s", flush=True)


def _measure(port: int, home: Path, looks: int, rate: int) -> int:
    """Count the looks at our client in which the draft is missing."""
    is_over = threading.Event()
    speaker = threading.Thread(target=_speak, args=(port, rate, is_over), daemon=True)
    join = [*CHAT, "join", "127.0.0.1", str(port), "--nick", "bob"]
    return _count_missing(join, home, looks, "#lobby>", speaker, is_over)


def _measure_control(name: str, home: Path, looks: int, rate: int) -> int:
    """Count them at a client for IRC, to which a server of its kind sends notices."""
    is_over, must_speak = threading.Event(), threading.Event()
    speaker = threading.Thread(target=must_speak.set, daemon=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_serve_irc, args=(server, rate, must_speak, is_over), daemon=True).start()
        folder = home / name
        command = {
            "irssi": ["irssi", f"--home={folder}", "-c", "127.0.0.1", "-p", str(port), "-n", "bob"],
            "weechat": ["weechat", "-d", str(folder), "-r", f"/server add t 127.0.0.1/{port} -notls; /connect t"],
        }[name]
        return _count_missing(command, home, looks, "welcome here", speaker, is_over)


def _count_missing(
    command: Sequence[str], home: Path, looks: int, greeting: str, speaker: threading.Thread, is_over: threading.Event
) -> int:
    """Type a draft once the greeting is shown, and count the looks without it while others speak."""
    tmux = ["tmux", "-S", str(home / "tmux"), "-f", os.devnull, "-u"]
    environment = {**os.environ, "HOME": str(home), "LANG": "C.UTF-8"}
    size = ["-x", "80", "-y", "24"]
    subprocess.run([*tmux, "new-session", "-d", *size, "-c", str(ROOT), *command], env=environment, check=True)
    try:
        _wait_for(tmux, greeting)
        subprocess.run([*tmux, "send-keys", "-l", DRAFT], check=True)
        _wait_for(tmux, DRAFT)
        speaker.start()
        _wait_for(tmux, "line 1")
        return sum(DRAFT not in _look(tmux) for _ in range(looks))
    finally:
        is_over.set()
        subprocess.run([*tmux, "kill-server"], check=False)


def _look(tmux: list[str]) -> str:
    time.sleep(0.05)
    return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False).stdout


def _wait_for(tmux: list[str], text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in (pane := _look(tmux)):
        if time.monotonic() > deadline:
            raise SystemExit(f"{text!r} is not shown; the pane has:\n{pane}")


def _speak(port: int, rate: int, is_over: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        number = 0
        while not is_over.wait(1 / rate):
            number += 1
            peer.sendall(f"line {number} of somebody who talks all the time\n".encode())


def _serve_irc(server: socket.socket, rate: int, must_speak: threading.Event, is_over: threading.Event) -> None:
    """Let one client for IRC in, and send it notices until it is over."""
    peer, _ = server.accept()
    with peer:
        peer.sendall(b":irc 001 bob :welcome here\r\n:irc 376 bob :end\r\n")
        must_speak.wait()
        number = 0
        while not is_over.wait(1 / rate):
            number += 1
            peer.sendall(f":irc NOTICE bob :line {number} of somebody who talks all the time\r\n".encode())


if __name__ == "__main__":
    main()
