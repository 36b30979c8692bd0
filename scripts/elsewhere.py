"""Runs `trio-chat` as on another machine, for pictures: at an invented time, which stands still, on invented hosts.

The time is that of the file in CLOCK_FILE, so that a scene can go on; `chat.example` leads to this machine, to the
port in SERVER_PORT.
"""

import os
import socket
import sys
import time
from typing import Any

HOST = "chat.example"


def main() -> None:
    """Run the command line of trio-chat with the arguments of this one."""
    clock_file = os.environ["CLOCK_FILE"]
    time.time = lambda: os.stat(clock_file).st_mtime
    socket.getaddrinfo = _look_up
    socket.gethostname = lambda: HOST
    from trio_chat.cli import main as run  # after the clock was set: parts of it take the function that they find

    sys.exit(run())


_really_look_up = socket.getaddrinfo


def _look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    if host == HOST:
        host, port = "127.0.0.1", os.environ["SERVER_PORT"]
    return _really_look_up(host, port, *args, **kwargs)


if __name__ == "__main__":
    main()
