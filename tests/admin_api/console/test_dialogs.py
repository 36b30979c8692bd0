"""The dialogs of the pages of rooms, bans and hooks, checked by axe-core in both colour schemes."""

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_accessibility import findings
from tests.admin_api.console.test_rooms_page import api, enter


@pytest.fixture(scope="module")
def spoken(shared):
    """A server with #quiet, in which one line was said."""
    enter(shared, "quiet")
    api(shared, "POST", "/rooms/quiet/entries", {"text": "hello", "name": "counter"})
    return shared


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_dialogs(spoken, open_page, scheme):
    with open_page(spoken, "/console/bans", color_scheme=scheme, reduced_motion="reduce") as page:
        dialog = page.get_by_role("dialog")
        page.get_by_role("button", name="Ban…").click()
        dialog.get_by_role("textbox", name="Address or network").fill("127.0.0.0/8")
        expect(dialog.get_by_role("list")).to_be_visible()
        dialog.get_by_label("Ends").select_option("At a time…")
        assert findings(page) == []
        page.keyboard.press("Escape")

        page.get_by_role("button", name="Announce").click()
        expect(dialog.get_by_text("hears it.")).to_be_visible()
        assert findings(page) == []

        page.goto("/console/hooks")
        page.get_by_role("button", name="Add a hook").click()
        dialog.get_by_label("Name").fill(f"hook-{scheme}")
        dialog.get_by_label("Room").fill("quiet")
        assert findings(page) == []
        dialog.get_by_role("button", name="Add", exact=True).click()
        expect(dialog.get_by_label("Address", exact=True)).to_be_visible()
        assert findings(page) == []

        page.goto("/console/rooms/quiet")
        page.locator(".entry", has_text="hello").hover()
        page.get_by_role("button", name="Remove what counter said").click()
        expect(dialog.get_by_text("cannot be brought back")).to_be_visible()
        assert findings(page) == []


def test_every_control_of_a_line_is_reached_by_the_keyboard(spoken, open_page):
    with open_page(spoken, "/console/rooms/quiet") as page:
        expect(page.locator(".entry", has_text="hello")).to_be_visible()
        page.keyboard.press("j")  # who joined
        page.keyboard.press("j")
        expect(page.locator(".entry", has_text="hello")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(page.get_by_role("dialog", name="Remove this message of counter?")).to_be_visible()
