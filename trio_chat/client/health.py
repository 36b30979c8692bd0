"""Asking a server's admin API how the server does."""

import http.client
import sys

TIMEOUT_S = 3

_EVERY_INTERFACE = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}


def ask_health(host: str, port: int, *, token: str = "") -> int:
    """Print what `GET /health` says. -> exit status: 0 if the server says that all is well, else 1"""
    host = _EVERY_INTERFACE.get(host, host)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        body = answer.read(4096)
    except (OSError, http.client.HTTPException) as error:
        print(f"trio-chat: no answer from http://{host}:{port}/health: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    print(body.decode(errors="replace").strip())
    return 0 if answer.status == 200 else 1
