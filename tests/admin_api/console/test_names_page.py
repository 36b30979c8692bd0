"""The page of names and invites, in a real browser."""

import base64
import re

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api

KEY = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", bytes(range(32))))
KEY_LINE = f"ssh-ed25519 {base64.b64encode(KEY).decode()} alice@laptop"


def row(page, name):
    return page.get_by_role("row", name=re.compile(re.escape(name)))


@pytest.fixture
def clear(shared):
    """The shared server, without names and invites before and after."""
    _clear(shared)
    yield shared
    _clear(shared)


def _clear(server):
    for one in api(server, "GET", "/names")["names"]:
        api(server, "DELETE", f"/names/{one['name']}")
    for one in api(server, "GET", "/invites")["invites"]:
        api(server, "DELETE", f"/invites/{one['id']}")


def test_without_names_and_invites_it_says_how_they_come(clear, open_page):
    with open_page(clear, "/console/names") as page:
        expect(page.get_by_text("Nobody has claimed a name.")).to_be_visible()
        expect(page.get_by_text("No invite is open.")).to_be_visible()


def test_a_name_is_handed_out_to_a_key_and_its_proofs_are_shown(clear, open_page):
    with open_page(clear, "/console/names") as page:
        page.keyboard.press("a")
        page.get_by_role("dialog").get_by_label("Name").fill("alice")
        page.get_by_label("Public key of its owner").fill(KEY_LINE)
        page.get_by_role("button", name="Hand out", exact=True).click()
        expect(page.get_by_text("alice belongs to the owner of that key.")).to_be_visible()
        [key] = api(clear, "GET", "/names")["names"][0]["keys"]

        expect(row(page, "alice")).to_contain_text(key["fingerprint"])
        page.get_by_role("button", name="alice: show the proofs").click()
        dialog = page.get_by_role("dialog", name="alice")
        expect(dialog).to_contain_text(key["fingerprint"])
        expect(dialog).to_contain_text("It has no password.")


def test_a_key_that_is_none_is_said_in_the_dialog_and_nothing_is_lost(clear, open_page):
    with open_page(clear, "/console/names") as page:
        page.get_by_role("button", name="Hand out…").click()
        page.get_by_role("dialog").get_by_label("Name").fill("alice")
        page.get_by_label("Public key of its owner").fill("<b>no key</b>")
        page.get_by_role("button", name="Hand out", exact=True).click()

        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Public key of its owner")).to_have_value("<b>no key</b>")


def test_by_the_invite_of_a_name_its_owner_takes_it_and_is_shown_as_here(clear, open_page):
    with open_page(clear, "/console/names", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_role("button", name="Hand out…").click()
        page.get_by_role("dialog").get_by_label("Name").fill("alice")
        page.get_by_role("button", name="Hand out", exact=True).click()
        dialog = page.get_by_role("dialog", name="alice is handed out")
        expect(dialog.get_by_label("Command", exact=True)).to_have_value(
            re.compile(rf"^trio-chat join alice@127\.0\.0\.1:{clear.port}/[a-z2-7]+/-$")
        )
        expect(dialog).not_to_contain_text("-n NAME")
        dialog.get_by_role("button", name="Copy: Over nc").click()
        expect(dialog.get_by_role("button", name="Copy: Over nc")).to_have_text("Copied")
        typed = page.evaluate("navigator.clipboard.readText()")
        dialog.get_by_role("button", name="Close").click()
        expect(page.locator("#names tbody tr")).to_contain_text("not yet")

        peer = clear.join()
        peer.send(f"{typed}\nalice\ncorrect horse battery\ncorrect horse battery\n/who\n".encode())

        names = page.locator("#names tbody tr")
        expect(names).to_contain_text("here")
        expect(names).to_contain_text("a password")
        expect(page.get_by_text("No invite is open.")).to_be_visible()  # it was for one
        with open_page(clear, "/console/clients") as clients:
            expect(clients.get_by_role("button", name="alice®", exact=True)).to_be_visible()
        peer.close()


def test_a_reset_asks_first_takes_the_proofs_away_and_shows_an_invite(clear, open_page):
    api(clear, "POST", "/names", {"name": "alice", "key": KEY_LINE})
    with open_page(clear, "/console/names") as page:
        page.get_by_role("button", name="Reset alice").click()
        page.get_by_role("button", name="Cancel").click()
        assert api(clear, "GET", "/names")["names"][0]["keys"]

        page.get_by_role("button", name="Reset alice").click()
        page.get_by_role("button", name="Reset it").click()

        expect(page.get_by_role("dialog", name="alice is reset").get_by_label("Command", exact=True)).to_be_visible()
        assert api(clear, "GET", "/names")["names"][0]["keys"] == []


def test_two_operators_remove_one_name_and_both_pages_are_right(clear, open_page):
    api(clear, "POST", "/names", {"name": "alice", "key": KEY_LINE})
    with open_page(clear, "/console/names") as page:
        page.get_by_role("button", name="Remove alice").click()
        api(clear, "DELETE", "/names/alice")
        page.get_by_role("button", name="Remove it").click()

        expect(page.get_by_text("alice was removed already.")).to_be_visible()
        expect(page.get_by_text("Nobody has claimed a name.")).to_be_visible()


def test_an_invite_is_made_for_several_and_withdrawn(clear, open_page):
    with open_page(clear, "/console/names") as page:
        page.keyboard.press("i")
        page.get_by_role("dialog").get_by_label("Names").fill("5")
        page.get_by_label("Ends").select_option("In a day")
        page.get_by_role("button", name="Make the invite").click()
        expect(page.get_by_role("dialog")).to_contain_text("good for 5 new names")
        expect(page.get_by_role("dialog")).to_contain_text("adds the name that they want: -n NAME")
        page.get_by_role("button", name="Close").click()
        expect(row(page, "5 new names")).to_contain_text(re.compile(r"23 h \d+ m left|1 d 0 h left"))

        page.get_by_role("button", name="Withdraw the invite").click()
        page.get_by_role("button", name="Withdraw it").click()

        expect(page.get_by_text("The invite is withdrawn.")).to_be_visible()
        expect(page.get_by_text("No invite is open.")).to_be_visible()
        assert api(clear, "GET", "/invites")["invites"] == []


def test_names_are_searched_and_the_search_is_in_the_address(clear, open_page):
    for name in ("alice", "bob"):
        api(clear, "POST", "/names", {"name": name})
    with open_page(clear, "/console/names") as page:
        page.keyboard.press("/")
        page.keyboard.type("ALI")
        names = page.locator("#names tbody tr")
        expect(names).to_have_count(1)

        page.reload()

        expect(page.get_by_label("Search names")).to_have_value("ALI")
        expect(names).to_have_count(1)
        expect(names).to_contain_text("alice")
