"""Imports between folders, by the floors and the layers of tests/test_floors.py."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from tests.test_floors import (
    FLOORS,
    LAYERS,
    MODULES,
    OTHERS,
    ROOT,
    imports,
    is_ours,
    module_of,
    part_of,
    section_of,
    trees,
)

UNDRAWN = ("trio_chat.__main__", "trio_chat")
"""`python -m trio_chat`, and the version, for which anybody may ask."""

Arrow = tuple[str, str]
"""Two names: the first imports the second."""


@dataclass
class ImportGraph:
    """The arrows between parts, and within each part between its sections."""

    between: set[Arrow] = field(default_factory=set)
    within: dict[str, set[Arrow]] = field(default_factory=dict)
    from_sections: set[Arrow] = field(default_factory=set)
    """From a section to another part."""

    def drawn(self) -> set[Arrow]:
        """Return the arrows of the drawing: those that do not follow from others."""
        return transitive_reduction(self.between).union(*map(transitive_reduction, self.within.values()))

    def sections_of(self, part: str) -> Iterator[list[str]]:
        """Yield the sections of a part that are built, floor by floor; a part without sections is its own."""
        if not _has_sections(part):
            yield [part]
            return
        built = {section for whole, section in map(name_of, MODULES) if whole == part}
        # An `__init__.py` that neither imports nor is imported here has nothing but a docstring.
        used = {section for arrow in self.within.get(part, ()) for section in arrow}
        for floor in LAYERS[part]:
            names = dict.fromkeys(_name_of_section(part, section) for section in floor)
            if shown := [name for name in names if name in built and (name in used or not name.endswith(".__init__"))]:
                yield shown


def read_imports() -> ImportGraph:
    """Read the imports of every module."""
    graph = ImportGraph()
    for module, tree in trees().items():
        part, section = name_of(module)
        for other_part, other_section in (name_of(module_of(used)) for used in imports(tree) if is_ours(used)):
            if part in UNDRAWN or other_part in UNDRAWN:
                continue
            if part != other_part:
                graph.between.add((part, other_part))
                graph.from_sections.add((section, other_part))
            elif section != other_section:
                graph.within.setdefault(part, set()).add((section, other_section))
    return graph


def name_of(module: str) -> tuple[str, str]:
    """Return the names of the part and of the section that a module is in."""
    part = part_of(module)
    return part, _name_of_section(part, section_of(module, part)) if _has_sections(part) else part


def _has_sections(part: str) -> bool:
    return any(section not in (".", OTHERS) for floor in LAYERS.get(part, ()) for section in floor)


def _name_of_section(part: str, section: str) -> str:
    is_rest = section == OTHERS or (section == "." and any({".", OTHERS} <= {*floor} for floor in LAYERS[part]))
    return f"{part}.{'*' if is_rest else '__init__' if section == '.' else section}"


def transitive_reduction(arrows: set[Arrow]) -> set[Arrow]:
    """Return the arrows without those that follow from others: a to c, where there are a to b and b to c."""
    return {(a, b) for a, b in arrows if not any(x == a and c != b and _reaches(c, b, arrows) for x, c in arrows)}


def _reaches(start: str, end: str, arrows: set[Arrow]) -> bool:
    """Tell whether arrows lead from `start` to `end`. They may form a circle, which the test of imports will report."""
    found, news = {start}, {start}
    while news:
        news = {b for a, b in arrows if a in news} - found
        found |= news
    return end in found


def label(name: str) -> str:
    """Return a folder or file as it is called in the tree."""
    path = ROOT / name.replace(".", "/")
    return f"{path.name}/" if path.is_dir() else f"{path.name}.py"


def parts() -> Iterator[list[str]]:
    """Yield the parts that are drawn, floor by floor."""
    for floor in FLOORS:
        if shown := [part for part in floor if part not in UNDRAWN]:
            yield shown


def folder_table() -> str:
    """Write which folder imports which, as a Markdown table."""
    graph = read_imports()
    rows = ["| folder or file | imports beside it | imports elsewhere |", "|---|---|---|"]
    for part in chain.from_iterable(parts()):
        for section in chain.from_iterable(graph.sections_of(part)):
            beside = {used for user, used in graph.within.get(part, ()) if user == section}
            elsewhere = {used for user, used in graph.from_sections if user == section}
            name = label(part) + (label(section) if section != part else "")
            rows.append(f"| `{name}` | {_listed(beside)} | {_listed(elsewhere)} |")
    return "\n".join(rows) + "\n"


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(map(label, names))) or "-"
