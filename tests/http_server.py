"""HTTP servers of tests that are not ours: each answers as its handler says."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


class Handler(BaseHTTPRequestHandler):
    """Answers each GET by a status and a body, without any headers."""

    def respond(self) -> tuple[int, bytes]:
        """Return the status and the body."""
        raise NotImplementedError

    def do_GET(self) -> None:
        status, body = self.respond()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody wants to read it."""


@contextmanager
def http_server(handler: type[Handler]) -> Iterator[HTTPServer]:
    """Run a server on a free port of this machine."""
    with HTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
