"""Flicker of the prompt: looks at a tmux pane while others speak. It prints numbers and never fails. Needs tmux.

python -m bench.flicker [LOOKS] [LINES_PER_SECOND]
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
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
            missing = _count_missing(int(found[1]) if found else 0, Path(folder), looks, rate)
            print(f"prompt and draft missing in {missing} of {looks} looks at {rate} lines/s")
        finally:
            server.terminate()
            server.wait()


def _count_missing(port: int, home: Path, looks: int, rate: int) -> int:
    tmux = ["tmux", "-S", str(home / "tmux"), "-f", os.devnull, "-u"]
    join = [*CHAT, "join", "127.0.0.1", str(port), "--nick", "bob"]
    environment = {**os.environ, "HOME": str(home), "LANG": "C.UTF-8"}
    size = ["-x", "80", "-y", "24"]
    subprocess.run([*tmux, "new-session", "-d", *size, "-c", str(ROOT), *join], env=environment, check=True)
    is_over = threading.Event()
    try:
        _wait_for(tmux, "#lobby>")
        subprocess.run([*tmux, "send-keys", "-l", DRAFT], check=True)
        _wait_for(tmux, DRAFT)
        threading.Thread(target=_speak, args=(port, rate, is_over), daemon=True).start()
        return sum(DRAFT not in _look(tmux) for _ in range(looks))
    finally:
        is_over.set()
        subprocess.run([*tmux, "kill-server"], check=False)


def _look(tmux: list[str]) -> str:
    time.sleep(0.05)
    return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False).stdout


def _wait_for(tmux: list[str], text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in _look(tmux) and time.monotonic() < deadline:
        pass


def _speak(port: int, rate: int, is_over: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        number = 0
        while not is_over.wait(1 / rate):
            number += 1
            peer.sendall(f"line {number} of somebody who talks all the time\n".encode())


if __name__ == "__main__":
    main()
