"""The page of hooks, in a real browser."""

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api, enter


def text_to(address, text):
    """A request as `curl -d` makes it."""
    return urllib.request.Request(address, text, {"Content-Type": "application/x-www-form-urlencoded"})


def test_without_hooks_it_says_what_they_are_for(shared, open_page):
    with open_page(shared, "/console/hooks") as page:
        expect(page.get_by_text("There is no hook.")).to_be_visible()


def test_a_hook_is_added_speaks_and_is_removed(shared, open_page):
    peer = enter(shared, "build")
    with open_page(shared, "/console/hooks", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_role("button", name="Add a hook").click()
        page.get_by_label("Name").fill("deploy")
        page.get_by_label("Room").fill("build")
        page.get_by_role("button", name="Add", exact=True).click()
        dialog = page.get_by_role("dialog", name="deploy may speak in #build")
        address = dialog.get_by_label("Address", exact=True).input_value()
        dialog.get_by_role("button", name="Copy: Address").click()
        expect(dialog.get_by_role("button", name="Copy: Address")).to_have_text("Copied")

        assert page.evaluate("navigator.clipboard.readText()") == address
        urllib.request.urlopen(text_to(address, b"build 71 is green")).close()
        peer.until("[deploy]> build 71 is green")

        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Remove the hook deploy").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("The hook deploy is removed.")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("deploy"))).to_have_count(0)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(text_to(address, b"too late"))


def test_a_name_that_cannot_be_is_said_in_the_dialog(shared, open_page):
    with open_page(shared, "/console/hooks") as page:
        page.get_by_role("button", name="Add a hook").click()
        page.get_by_label("Name").fill("<b>")
        page.get_by_label("Room").fill("build")
        page.get_by_role("button", name="Add", exact=True).click()

        expect(page.get_by_role("alert")).to_contain_text("A nick is made of letters")


def test_two_operators_remove_one_hook_and_both_pages_are_right(shared, open_page):
    api(shared, "POST", "/hooks", {"name": "shared", "room": "build"})
    with open_page(shared, "/console/hooks") as page:
        page.get_by_role("button", name="Remove the hook shared").click()
        api(shared, "DELETE", "/hooks/shared")
        page.get_by_role("button", name="Remove it").click()

        expect(page.get_by_text("The hook shared was removed already.")).to_be_visible()
        expect(page.get_by_text("There is no hook.")).to_be_visible()
