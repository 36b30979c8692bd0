"""Routing by method and path alone: the Host header decides nothing, and cannot fail a request before the guard.

One path has one meaning: `//clients` and `/clients%2f47634` are no endpoints, since a proxy in front that guards
`/clients` may not know them for it. An encoded slash is a character of a segment, not its end.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from quart.routing import QuartMap, QuartRule
from quart.wrappers import Response
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.routing import Map, MapAdapter, PathConverter, UnicodeConverter

_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
_SLASH = "\udc2f"
"""Stands for an encoded slash while a path is matched. Nothing that is decoded can contain it."""


class SegmentConverter(UnicodeConverter):
    """One segment, without a slash."""

    def __init__(self, map_: Map) -> None:
        super().__init__(map_)
        self.regex = f"[^/{_SLASH}]+"


class RestConverter(PathConverter):
    """The rest of a path, such as `10.0.0.0/8`, in which slashes may be encoded."""

    def to_python(self, value: str) -> str:
        """Decode the slashes."""
        return value.replace(_SLASH, "/")


class MatchedRule(QuartRule):
    """A route that is only matched. Nothing builds its URL, so it has no functions for that.

    Werkzeug writes and compiles two for each route, in nine tenths of the time in which an app is made. Where a version
    of it calls the method by another name, that time is spent again, and no more.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _refuse_to_build


def _refuse_to_build(rule: MatchedRule, *_: object) -> tuple[str, str]:
    raise NotImplementedError(f"the URL of {rule.rule} is not built")


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
            path_info=routable(request.scope["raw_path"].decode("ascii")),
            query_args=request.query_string.decode(),
        )


def routable(raw_path: str) -> str:
    """Decode a path, except for its slashes and an empty first segment, which werkzeug would drop."""
    path = _SLASH.join(map(unquote, _ENCODED_SLASH.split(raw_path)))
    return f"/{_SLASH}{path[2:]}" if path.startswith("//") else path


class App(QuartTrio):
    """An app whose routes are found by method and path."""

    url_rule_class: type[QuartRule] = MatchedRule
    url_map_class = PathMap

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.url_map.converters = {
            **self.url_map.converters,
            "default": SegmentConverter,
            "string": SegmentConverter,
            "path": RestConverter,
        }
        self.url_map.strict_slashes = False  # /clients/ is /clients: curl follows no redirects
        self.url_map.merge_slashes = False

    async def make_default_options_response(self) -> Response:
        """Answer OPTIONS by the methods of the path."""
        made = await super().make_default_options_response()
        made.status_code = 204
        del made.headers["Content-Type"]
        made.headers.pop("Content-Length", None)
        return made
