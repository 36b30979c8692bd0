"""Announcements from the header of every page, in a real browser."""

from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import enter


def test_an_announcement_is_for_everybody_and_says_how_many_hear_it(shared, open_page):
    peer = enter(shared, "here")
    with open_page(shared, "/console/audit") as page:
        page.get_by_role("button", name="Announce").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("1 client hears it.")).to_be_visible()
        dialog.get_by_label("Text").fill("maintenance <b>at</b> 22:00")
        dialog.get_by_role("button", name="Announce").click()

        expect(page.get_by_text("Announced to everybody: 1 client.")).to_be_visible()
        assert peer.until("at</b> 22:00")[-1] == "[server]> maintenance <b>at</b> 22:00"
    peer.close()


def test_on_the_page_of_a_room_it_is_for_that_room(shared, open_page):
    peer = enter(shared, "there")
    with open_page(shared, "/console/rooms/there") as page:
        page.get_by_role("button", name="Announce").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("[name=value]")).to_have_value("there")
        dialog.locator("[name=value]").fill("no-such")
        expect(dialog.get_by_text("There is no room no-such")).to_be_visible()
        dialog.locator("[name=value]").fill("there")
        dialog.get_by_label("Text").fill("only here")
        dialog.get_by_role("button", name="Announce").click()

        expect(page.locator("#entries .entry .text").last).to_have_text("only here")
        peer.until("only here")
    peer.close()
