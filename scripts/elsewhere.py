"""Runs `trio-chat` with a fake clock and a fake host name, so that pictures show nothing of this machine.

The time is the modification time of the file that CLOCK_FILE names; it stands still until a scene sets it. The host
`chat.example` is this machine, with the port in SERVER_PORT.
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
    socket.getaddrinfo = _getaddrinfo
    socket.gethostname = lambda: HOST
    from trio_chat.cli import main as run  # after the clock was set: parts of it take the function that they find

    sys.exit(run())


_real_getaddrinfo = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    if host == HOST:
        host, port = "127.0.0.1", os.environ["SERVER_PORT"]
    return _real_getaddrinfo(host, port, *args, **kwargs)


if __name__ == "__main__":
    main()
