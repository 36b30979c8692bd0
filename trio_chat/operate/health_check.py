"""`trio-chat health`: the health of a server, as its admin API reports it."""

import http.client
import sys

TIMEOUT_S = 3

_EVERY_INTERFACE = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""The address to ask where the server listens on every interface."""


def check_health(host: str, port: int, *, token: str = "", is_encrypted: bool = False) -> int:
    """Print the answer to `GET /health`. -> exit status: 0 if the server is healthy, else 1; the reason is on stderr"""
    host = _EVERY_INTERFACE.get(host, host)
    scheme = "https" if is_encrypted else "http"
    connection = _connection(host, port) if is_encrypted else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        body = answer.read(4096)
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        hint = "is the server running, and is this where its admin API listens?"
        print(f"trio-chat: no answer from {scheme}://{host}:{port}/health: {why}; {hint}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    print(body.decode(errors="replace").strip())
    return 0 if answer.status == 200 else 1


def _connection(host: str, port: int) -> http.client.HTTPSConnection:
    # Not verified: the server is on this machine and its certificate is for another name. Whoever could impersonate it
    # here could do so without TLS too.
    import ssl  # slow to import, and rarely needed

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
