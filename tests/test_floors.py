"""The law of imports: they may only go down, and what is pure knows no event loop, socket, clock, chance or file."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from itertools import combinations, product
from pathlib import Path

import pytest

from trio_chat.journal.engines import ENGINES

ROOT = Path(__file__).parents[1]

FLOORS = (
    ("trio_chat.__main__",),
    ("trio_chat.cli",),
    ("trio_chat.serve", "trio_chat.backup", "trio_chat.selftest"),
    ("trio_chat.server", "trio_chat.client", "trio_chat.operate", "admin_api"),
    ("trio_chat.config",),  # the help of `--journal` comes from the table of engines
    ("trio_chat.wire", "trio_chat.journal", "trio_chat.stickers"),
    ("trio_chat.chat",),
    (
        "trio_chat.awake_clock",
        "trio_chat.closed_output",
        "trio_chat.exception_groups",
        "trio_chat.named_sockets",
        "trio_chat.text_width",
        "trio_chat",
    ),  # `trio_chat/__init__.py`: the version
)
"""The parts of the program, top floor first. Those of one floor do not import each other."""

OTHERS = ""
"""The modules of a part that stand in none of its named sections. "." is its `__init__.py`."""

BUILT_ON: dict[str, str] = {}
"""The engines that are built on another one, each with that one: their folders in `journal/`, such as
{"ring": "memory"}. Such an engine stands on the floor above the others, and may import that one alone of them."""


def journal_rows(engines: Iterable[str], built_on: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """The sections of `journal/`, top floor first, with these engines."""
    above, below = ({it for it in engines if (it in built_on) is is_above} for is_above in (True, False))
    return ((".",), ("engines",), *([tuple(sorted(above))] if above else []), tuple(sorted(below)), (OTHERS,))


def engine_exceptions(engines: Iterable[str], built_on: Mapping[str, str]) -> set[tuple[str, str]]:
    """The imports that no engine may have that is built on another one: those of a third."""
    pairs = product(built_on, engines)
    return {
        (f"trio_chat.journal.{it}", f"trio_chat.journal.{other}")
        for it, other in pairs
        if other not in (it, built_on[it])
    }


ENGINE_FOLDERS = {engine.open.__module__.split(".")[2] for engine in ENGINES.values()}

LAYERS = {
    "trio_chat.serve": (("app",), ("check_config", "reload"), (".", OTHERS)),
    "trio_chat.server": (
        ("sessions",),
        ("delivery", "operation"),
        ("transport",),
        ("upkeep", "credentials"),
        (".", "errors", "liveness_timeouts", "shutdown_timeouts"),
    ),
    "trio_chat.client": (
        ("join",),
        ("line_view", "screen_view"),
        ("conversation",),
        ("options", "server_choice"),
        ("themes",),
        ("transcript",),
        ("link",),
        ("memory",),
        ("pictures",),
        ("startup_terminal", "terminal_answers"),
        (".", "fatal_signals", "synchronized_output"),
    ),
    "trio_chat.operate": (("command_table",), ("commands",), (OTHERS, ".")),
    "trio_chat.journal": journal_rows(ENGINE_FOLDERS, BUILT_ON),
    "trio_chat.stickers": ((OTHERS,), ("kinds",), (".", "sticker")),
    "trio_chat.config": ((".",), (OTHERS,)),
    "trio_chat.chat": (("operators",), ("accounts",), (OTHERS, ".")),
    "admin_api": (
        ("app",),
        ("endpoints", "console"),
        ("speech", "invite_view"),
        ("kept_changes", "rooms"),
        ("state",),
        ("resources", "series", "watch"),
        ("event_log", "entry_tail"),
        ("client_counts", "client_lookup"),
        ("client_view", "client_filter", "confirmations", "expiry", "restrictions", "warnings"),
        ("paging", "hook_throttle"),
        ("http",),
        (".",),
    ),
}
"""The folders and files of a part, top floor first, under the same law. A part that is not here has one section."""

EXCEPTIONS = {
    ("trio_chat.client", "trio_chat.chat.chat"),  # the client knows the words of the domain, not the server's rules
    ("trio_chat.client", "trio_chat.chat.dependencies"),
    ("trio_chat.operate", "trio_chat.chat.chat"),  # it knows the server by HTTP alone
    ("trio_chat.operate", "trio_chat.chat.dependencies"),
    *engine_exceptions(ENGINE_FOLDERS, BUILT_ON),
}
"""Imports that are forbidden although they go down."""

OUTSIDE = {
    *("asyncio", "select", "selectors", "signal", "socket", "ssl", "subprocess", "threading", "trio"),
    *("time", "random", "secrets", "uuid"),
    *("io", "os", "pathlib", "shutil", "tempfile"),
}
"""Modules that pure ones may not import. `datetime` is for values handed to them; `now()` and `open()` are found by
name."""

PURE = ("trio_chat.chat", "trio_chat.wire", "trio_chat.client.transcript")
"""And every module whose docstring calls it pure."""

CURE = "what chat/ needs from outside is a field of Dependencies (chat/dependencies.py), filled in serve/wiring.py"


def modules() -> dict[str, Path]:
    """Every module of the two packages, with its file."""
    found = {}
    for package in ("trio_chat", "admin_api"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the two packages, parsed: by the first test that asks, not by all who collect tests."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


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


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("trio_chat", "admin_api")


def module_of(name: str) -> str:
    """The module that an imported name is in: itself, or the one that defines it."""
    return name if name in MODULES or name.rpartition(".")[0] not in MODULES else name.rpartition(".")[0]


def part_of(module: str) -> str:
    """The entry of FLOORS that a module belongs to."""
    return max((part for row in FLOORS for part in row if is_within(module, part)), key=len)


def section_of(module: str, part: str) -> str:
    """The entry of LAYERS that a module of `part` belongs to."""
    section = module.removeprefix(part).strip(".").partition(".")[0] or "."
    return section if any(section in row for row in LAYERS[part]) else OTHERS


def floor_in(rows: tuple[tuple[str, ...], ...], name: str) -> int | None:
    """Counted from the top; None where it has none."""
    return next((floor for floor, row in enumerate(rows) if name in row), None)


def goes_down(module: str, used: str) -> bool:
    """True if `module` stands above `used`, or in the same section."""
    part, other = part_of(module), part_of(used)
    rows, here, there = FLOORS, part, other
    if part == other:
        if part not in LAYERS:
            return True
        rows, here, there = LAYERS[part], section_of(module, part), section_of(used, part)
        if here == there:
            return True
    above, below = floor_in(rows, here), floor_in(rows, there)
    return above is not None and below is not None and above < below


def breaches(module: str, imported: Iterable[str]) -> list[str]:
    """The forbidden ones among the imports of `module`."""
    found = []
    for name in filter(is_ours, imported):
        used = module_of(name)
        is_forbidden = any(is_within(module, user) and is_within(used, it) for user, it in EXCEPTIONS)
        if is_forbidden or not goes_down(module, used):
            found.append(f"{module} imports {name}, which is not further down{_way_out(module, used)}")
    return found


def _way_out(module: str, used: str) -> str:
    part = "trio_chat.journal"
    if part_of(module) == part_of(used) == part and {section_of(it, part) for it in (module, used)} <= ENGINE_FOLDERS:
        return ": if this engine is built on that one, and on no other, give it a row of BUILT_ON"
    return ""


def impurities(tree: ast.AST) -> Iterator[str]:
    """The impure imports and calls in a tree."""
    yield from (name for name in imports(tree) if name.partition(".")[0] in OUTSIDE)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="now" | "today" | "utcnow" as asked)):
                yield f"{asked}() in line {node.lineno}"
            case ast.Call(func=ast.Name(id="open")):
                yield f"open() in line {node.lineno}"


def is_pure(module: str, tree: ast.Module) -> bool:
    return any(is_within(module, package) for package in PURE) or "Pure" in (ast.get_docstring(tree) or "")


def test_imports_only_go_down() -> None:
    found = [breach for module, tree in trees().items() for breach in breaches(module, imports(tree))]

    assert found == []


def missing(modules: Iterable[str]) -> list[str]:
    """The packages among these modules that no table names, and the modules that belong to nothing in it."""
    found = []
    for name in modules:
        part = part_of(name)
        section = name.removeprefix(part).strip(".")
        if part == "trio_chat" != name:
            found.append(f"{name}: give it a row of FLOORS")
        elif section and "." not in section and is_package(name) and not is_named(part, section):
            table = "a row of ENGINES" if part == "trio_chat.journal" else f"its place in LAYERS, under {part!r}"
            found.append(f"{name}: give this folder {table}")
        elif part in LAYERS and floor_in(LAYERS[part], section_of(name, part)) is None:
            found.append(f"{name}: give this file its place in LAYERS, under {part!r}")
    return found


def is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).is_dir()


def is_named(part: str, section: str) -> bool:
    return any(section in row for row in LAYERS.get(part, ()))


def test_every_folder_and_every_module_has_its_floor() -> None:
    assert not (found := missing(MODULES)), "\n".join(found)


@pytest.mark.parametrize("module", ["trio_chat.client.link", "trio_chat.chat.operators", "trio_chat.server.delivery"])
def test_a_folder_that_is_in_no_table_is_noticed(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    part, _, section = module.rpartition(".")
    without = tuple(tuple(name for name in row if name != section) for row in LAYERS[part])
    monkeypatch.setitem(LAYERS, part, without)

    assert f"{module}: give this folder its place in LAYERS, under {part!r}" in missing(MODULES)


@pytest.mark.parametrize(
    ("module", "used", "count"),
    [
        ("ring.journal", "memory.journal", 0),
        ("ring.journal", "records", 0),
        ("engines", "ring.engine", 0),
        ("ring.journal", "sqlite.journal", 1),
        ("ring.journal", "engines", 1),
        ("memory.journal", "ring.journal", 1),
        ("sqlite.journal", "ring.journal", 1),
        ("sqlite.journal", "memory.journal", 1),
    ],
)
def test_an_engine_may_be_built_on_one_other(
    monkeypatch: pytest.MonkeyPatch, module: str, used: str, count: int
) -> None:
    engines, built_on = {*ENGINE_FOLDERS, "ring"}, {"ring": "memory"}
    monkeypatch.setitem(LAYERS, "trio_chat.journal", journal_rows(engines, built_on))
    monkeypatch.setattr(f"{__name__}.EXCEPTIONS", EXCEPTIONS | engine_exceptions(engines, built_on))

    assert len(breaches(f"trio_chat.journal.{module}", [f"trio_chat.journal.{used}"])) == count


def test_every_section_that_is_named_is_there() -> None:
    named = {
        f"{part}.{section}"
        for part, rows in LAYERS.items()
        for row in rows
        for section in row
        if section not in (".", OTHERS)
    }

    assert named <= MODULES.keys()


def imports_of_types_too(tree: ast.Module) -> Iterator[str]:
    """Every name that a tree imports from a module, also for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_modules_import_each_other_in_a_circle_not_even_for_types() -> None:
    graph = {
        name: {module_of(used) for used in (*imports(tree), *imports_of_types_too(tree)) if is_ours(used)} - {name}
        for name, tree in trees().items()
    }

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_pure_modules_know_no_event_loop_socket_clock_chance_or_file() -> None:
    found = [
        f"{module} asks for {asked}"
        for module, tree in trees().items()
        if is_pure(module, tree)
        for asked in impurities(tree)
    ]

    assert found == [], CURE


def pairs() -> Iterator[tuple[str, str]]:
    """Pairs of modules, one below the other, with made-up names: a section needs no module to be tried."""
    for higher, lower in combinations(FLOORS, 2):
        yield from ((f"{low}.x", f"{high}.x") for low in lower for high in higher if low != "trio_chat")
    for part, rows in LAYERS.items():
        for higher, lower in combinations(rows, 2):
            for low in lower:
                for high in higher:
                    yield _made_up(part, low), _made_up(part, high)


def _made_up(part: str, section: str) -> str:
    return part if section == "." else f"{part}.{section or 'x'}.x"


@pytest.mark.parametrize(("lower", "higher"), list(pairs()))
def test_the_law_sees_an_import_upwards_from_every_floor(lower: str, higher: str) -> None:
    name = f"{higher}.Thing" if higher in MODULES else higher

    assert len(breaches(lower, [name])) == 1
    assert breaches(higher, [f"{lower}.Thing" if lower in MODULES else lower]) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("trio_chat.chat.room", "from trio_chat.server.delivery import pump"),
        ("trio_chat.chat.room", "def late():\n    import trio_chat.config"),
        ("trio_chat.server.delivery.pump", "from trio_chat.client.link.link import Link"),
        ("trio_chat.server.delivery.pump", "import admin_api.app"),
        ("trio_chat.server.delivery.pump", "from trio_chat.server.operation.logs import set_level"),
        ("trio_chat.server.transport.socket_outlet", "from trio_chat.server.operation import logs"),
        ("trio_chat.journal.sqlite.journal", "from trio_chat.wire import lines"),
        ("trio_chat.journal.sqlite.journal", "from trio_chat.journal import Journal"),
        ("trio_chat.journal.sqlite.journal", "from trio_chat.journal.memory.journal import open_memory"),
        ("trio_chat.client.link.link", "from trio_chat.chat.chat import Chat"),
        ("trio_chat.client.link.link", "from trio_chat.chat import chat"),
        ("trio_chat.operate.api", "from admin_api.client_view import ClientView"),
        ("trio_chat.operate.entries", "from trio_chat.chat.chat import Chat"),
        ("trio_chat.client.transcript.narrator", "from trio_chat.client.conversation.surface import Surface"),
        ("admin_api.http.guard", "from admin_api.endpoints import clients"),
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
def test_the_law_accepts_lawful_imports(module: str, code: str) -> None:
    assert breaches(module, imports(ast.parse(code))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import trio",
        "from socket import create_connection",
        "import time",
        "import random",
        "def late():\n    import secrets",
        "from pathlib import Path",
        "text = open('x').read()",
        "from datetime import datetime\nat = datetime.now()",
    ],
)
def test_the_law_finds_impure_modules(code: str) -> None:
    assert list(impurities(ast.parse(code)))


def test_pure_modules_import_only_pure_modules() -> None:
    found = [
        f"{module} imports {used}"
        for module, tree in trees().items()
        if is_pure(module, tree)
        for used in {module_of(name) for name in imports(tree) if is_ours(name)} - {"trio_chat"}  # the version
        if not is_pure(used, trees()[used])
    ]

    assert found == []


def test_a_module_that_calls_itself_pure_is_held_to_it() -> None:
    tree = ast.parse('"""Names as the server writes them. Pure."""\nimport trio')

    assert is_pure("trio_chat.client.link.names", tree)
    assert not is_pure("trio_chat.client.link.names", ast.parse('"""Names."""'))


def type_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module gives to types that are no classes: aliases, such as `Rows = Sequence[str]`."""
    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if name[0].isupper() and any(map(str.islower, name)):
                    yield name


def test_no_class_name_stands_twice_nor_is_another_type_called_so() -> None:
    classes: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(module)
        for name in type_names(tree):
            others.setdefault(name, []).append(module)

    twice = {name: both for name, where in classes.items() if len(both := where + others.get(name, [])) > 1}
    assert twice == {}, "give each class a name of its own, which says what sets it apart from the other"
