"""Asking a server's admin API how the server does."""

import http.client
import sys

TIMEOUT_S = 3

_EVERY_INTERFACE = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}


def ask_health(host: str, port: int, *, token: str = "", is_encrypted: bool = False) -> int:
    """Print what `GET /health` says. -> exit status: 0 if the server says that all is well, else 1"""
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
    # The server is on this machine and its certificate is for another name. Whoever could take its place here could do
    # so without TLS too, so the certificate is not asked for more than that.
    import ssl  # nobody else has to pay for it

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
