"""Routing by method and path alone: the Host header decides nothing, and cannot fail a request before the guard."""

from quart.routing import QuartMap
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.routing import MapAdapter


class PathMap(QuartMap):
    """Binds every request to one host.

    Werkzeug encodes the name in the Host header as IDNA, which fails for one with an empty label or one of more than 63
    characters; Quart answers that with 500 and a traceback in the log.
    """

    def bind_to_request(
        self, request: BaseRequestWebsocket, _subdomain: str | None, _server_name: str | None
    ) -> MapAdapter:
        """Match a request to the routes."""
        return self.bind(
            "localhost",
            request.root_path,
            url_scheme=request.scheme,
            default_method=request.method,
            path_info=request.path,
            query_args=request.query_string.decode(),
        )


class App(QuartTrio):
    """An app whose routes are found by method and path."""

    url_map_class = PathMap
