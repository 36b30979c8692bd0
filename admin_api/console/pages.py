"""The pages of the console: their names, and how they are made from templates."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from trio_chat import __version__

STATIC = files("admin_api.console") / "static"


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page: the last part of its path, and its title.

    `counts` names what its tab counts: fields of `counts` in GET /status, with spaces between those that are added.
    `tab` is the page whose tab stands for this one, if that has none of its own.
    """

    name: str
    title: str
    counts: str = ""
    tab: "ConsolePage | None" = None

    @property
    def path(self) -> str:
        """The path of the page, with the variable that it may have."""
        return f"/console/{self.name}"

    @property
    def script(self) -> str:
        """The name of its template and of its script."""
        return self.name.partition("/<")[2].removesuffix(">") or self.name or "overview"


_ROOMS = ConsolePage("rooms", "Rooms", counts="rooms")

PAGES = (
    ConsolePage("", "Overview"),
    ConsolePage("clients", "Clients", counts="clients"),
    _ROOMS,
    ConsolePage("rooms/<room>", "Room", tab=_ROOMS),
    ConsolePage("names", "Names", counts="names"),
    ConsolePage("bans", "Bans and mutes", counts="bans mutes"),
    ConsolePage("hooks", "Hooks", counts="hooks"),
    ConsolePage("audit", "Audit"),
    ConsolePage("settings", "Settings"),
)
"""In the order of the tabs. Each has a template and a script."""

_TABS = tuple(page for page in PAGES if page.tab is None)


def render(template: str, **values: object) -> str:
    """Make a page from a template."""
    return _environment().get_template(template).render(tabs=_TABS, version=__version__, asset=asset, **values)


def asset(name: str) -> str:
    """Return the path of a static file, which changes with its content: browsers may keep it for ever."""
    return f"/console/static/{_digest_of_all()}/{name}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("admin_api.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _digest_of_all() -> str:
    """One digest of all files: a script imports others by relative paths, so they change together."""
    together = sha256()
    for one in sorted(STATIC.iterdir(), key=lambda file: file.name):
        together.update(one.read_bytes())
    return together.hexdigest()[:12]
