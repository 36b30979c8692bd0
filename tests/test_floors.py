"""The law of imports: they may only go down, and the domain knows neither Trio nor sockets nor clocks."""

import ast
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "trio_chat.__main__": 7,
    "trio_chat.cli": 6,
    "trio_chat.serve.app": 5,
    "trio_chat.backup": 4,
    "trio_chat.selftest": 4,
    "trio_chat.serve.check_config": 4,
    "trio_chat.serve.reload": 4,
    "trio_chat.serve": 3,
    "trio_chat.server": 2,
    "trio_chat.client": 2,
    "admin_api": 2,
    "trio_chat.wire": 1,
    "trio_chat.journal": 1,
    "trio_chat.config": 1,
    "trio_chat.chat": 0,
    "trio_chat": 0,  # `trio_chat/__init__.py`: the version
}
"""Each package or module and the floor it is on. Those of one floor do not import each other."""

EXCEPTIONS = {
    ("trio_chat.client", "trio_chat.chat.chat"),  # the client knows the words of the domain, not the server's rules
    ("trio_chat.client", "trio_chat.chat.surroundings"),
}
"""What may not be imported although it is further down."""

OUTSIDE = {"asyncio", "select", "selectors", "signal", "socket", "ssl", "subprocess", "threading", "time", "trio"}
"""What the pure packages may not know. `datetime` is for what is handed to them; `now()` is looked for by name."""

PURE = ("trio_chat.chat", "trio_chat.wire")


def modules() -> dict[str, ast.Module]:
    """Every module of the two packages, parsed."""
    found = {}
    for package in ("trio_chat", "admin_api"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name that a tree imports, also inside functions. What only type checkers read does not count."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for branch in node.orelse:
                    yield from imports(ast.Module([branch], []))
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, "relative imports hide the floor they come from"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))
            case _:
                yield from imports(node)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def place_of(name: str) -> str:
    """The entry of FLOORS that a module or imported name belongs to."""
    return max((place for place in FLOORS if is_within(name, place)), key=len)


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("trio_chat", "admin_api")


def breaches(module: str, imported: Iterable[str]) -> list[str]:
    """What `module` may not import, of what it does import."""
    place = place_of(module)
    found = []
    for name in filter(is_ours, imported):
        other = place_of(name)
        is_own = other == place
        is_forbidden = any(is_within(module, user) and is_within(name, used) for user, used in EXCEPTIONS)
        if is_forbidden or not (is_own or FLOORS[other] < FLOORS[place]):
            found.append(f"{module} (floor {FLOORS[place]}) imports {name} (floor {FLOORS[other]})")
    return found


def test_imports_only_go_down() -> None:
    found = [breach for module, tree in modules().items() for breach in breaches(module, imports(tree))]

    assert found == []


def test_every_module_has_its_floor() -> None:
    homeless = [name for name in modules() if place_of(name) == "trio_chat" and name != "trio_chat"]

    assert homeless == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = modules()

    def module_of(name: str) -> str:
        return name if name in found else name.rpartition(".")[0]

    graph = {
        name: {module_of(used) for used in imports(tree) if is_ours(used)} - {name} for name, tree in found.items()
    }

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_domain_and_the_wire_know_no_event_loop_no_socket_and_no_clock() -> None:
    pure = {name: tree for name, tree in modules().items() if name.startswith(PURE)}

    found = [
        f"{module} imports {name}"
        for module, tree in pure.items()
        for name in imports(tree)
        if name.partition(".")[0] in OUTSIDE
    ]
    asked = [
        f"{module} asks for the time in line {node.lineno}"
        for module, tree in pure.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "today", "utcnow")
    ]

    assert pure
    assert found + asked == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("trio_chat.chat.room", "from trio_chat.server import pump"),
        ("trio_chat.chat.room", "def late():\n    import trio_chat.config"),
        ("trio_chat.server.delivery.pump", "from trio_chat.client.link.link import Link"),
        ("trio_chat.server.delivery.pump", "import admin_api.app"),
        ("trio_chat.journal.sqlite.journal", "from trio_chat.wire import lines"),
        ("trio_chat.client.link.link", "from trio_chat.chat.chat import Chat"),
        ("trio_chat.client.link.link", "from trio_chat.chat import chat"),
        ("admin_api.endpoints.clients", "import importlib\nimportlib.import_module('trio_chat.serve.app')"),
        ("trio_chat.serve.app", "if not TYPE_CHECKING:\n    import trio_chat.cli"),
        ("trio_chat.serve.app", "if TYPE_CHECKING:\n    pass\nelse:\n    import trio_chat.cli"),
    ],
)
def test_the_law_sees_a_breach(module: str, code: str) -> None:
    assert len(breaches(module, imports(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("trio_chat.serve.app", "from admin_api.app import serve_admin"),
        ("trio_chat.client.link.link", "from trio_chat.chat.text import clean"),
        ("admin_api.endpoints.clients", "from trio_chat.chat.chat import Chat"),
        ("admin_api.endpoints.clients", "from trio_chat.journal import Journal\nfrom trio_chat import __version__"),
        ("trio_chat.chat.room", "if TYPE_CHECKING:\n    from trio_chat.server.delivery.pump import Pump"),
    ],
)
def test_the_law_lets_what_is_lawful_pass(module: str, code: str) -> None:
    assert breaches(module, imports(ast.parse(code))) == []
