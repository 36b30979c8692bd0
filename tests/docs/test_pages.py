"""The pages of the documentation: where their links lead, what they name, and how the README begins."""

import re
from pathlib import Path

import pytest

from scripts.tables import PAGES, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = [*PAGES, ROOT / "CHANGELOG.md"]


def links_in(text: str) -> list[str]:
    """The targets of a page's links, without those on other sites."""
    prose = re.sub(r"(?ms)^```.*?^```$|^    [^\n]*$", "", text)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]


def anchors_in(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors_in(target))


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = links_in(page.read_text(encoding="utf-8"))

    assert [link for link in links if not leads_somewhere(page, link)] == []


def test_a_link_to_no_page_or_no_heading_is_seen() -> None:
    page = ROOT / "README.md"

    assert leads_somewhere(page, "docs/security.md#promises")
    assert not leads_somewhere(page, "docs/security.md#promise")
    assert not leads_somewhere(page, "docs/securities.md")


def test_every_page_is_found_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links_in(README)}

    assert {str(page.relative_to(ROOT)) for page in PAGES} - {"README.md"} <= linked


def test_the_readme_begins_with_the_commands_and_is_a_screen_and_a_half() -> None:
    lines = README.splitlines()
    commands = [line.split("  ")[2].strip() for line in lines if line.startswith("    ")]

    assert commands[:3] == ["make serve", "make test", "pipx install ."]
    assert len(lines) <= 80


def test_every_file_and_folder_that_the_architecture_names_is_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    text = re.sub(r"(?s)<!-- made by.*?<!-- end -->", "", page)
    named = set(re.findall(r"`([\w/.]+(?:\.py|\.toml|/))`", text))

    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists() and not (ROOT / "trio_chat" / path).exists()] == []
