"""Every page, checked by axe-core in both themes, and at the width of a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from admin_api.console.pages import PAGES

SERIOUS = {"serious", "critical"}
TAGS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
PATHS = [page.path.replace("<room>", "ops") for page in PAGES]


def findings(page):
    """The serious violations that axe finds in a page, each with the elements it is about."""
    found = Axe().run(page, options=TAGS).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found if one["impact"] in SERIOUS]


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_serious_in_both_themes_and_nothing_is_wider_than_a_phone(town, open_page, path):
    with open_page(town, path, color_scheme="light", reduced_motion="reduce") as page:
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.locator("#health")).to_have_text("Healthy")

        assert findings(page) == []
        page.emulate_media(color_scheme="dark")
        assert findings(page) == []
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_axe_finds_nothing_serious_in_dialogs_and_toasts(town, open_page):
    with open_page(town, "/console/clients", reduced_motion="reduce") as page:
        page.get_by_role("button", name="ann", exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert findings(page) == []
        page.keyboard.press("Escape")

        page.get_by_label("Select ann").check()
        page.get_by_role("button", name="End 1 selected").click()
        expect(page.get_by_role("dialog")).to_contain_text("End 1 client?")
        assert findings(page) == []


def test_the_sign_in_has_nothing_serious(start, token_file, open_page):
    with open_page(start("--admin-token-file", str(token_file))) as page:
        expect(page.get_by_label("Token")).to_be_visible()
        assert findings(page) == []
