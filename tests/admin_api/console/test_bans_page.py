"""The page of bans and mutes, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api


def row(page, name):
    return page.get_by_role("row", name=re.compile(re.escape(name)))


def test_without_bans_and_mutes_it_says_what_they_do(server, open_page):
    with open_page(server, "/console/bans") as page:
        expect(page.get_by_text("Nobody is banned.")).to_be_visible()
        expect(page.get_by_text("Nobody is muted.")).to_be_visible()


def test_a_ban_shows_whom_it_would_end_before_it_does_and_can_be_undone(shared, open_page):
    peer = shared.connect(source=("127.0.0.77", 0))
    peer.send(b"/nick noisy\n/who\n")
    peer.until("(you) ***")
    with open_page(shared, "/console/bans") as page:
        page.keyboard.press("b")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Ban", exact=True)).to_be_disabled()
        dialog.get_by_label("Address or network").fill("127.0.0.77")
        dialog.get_by_label("Reason").fill("<b>spam</b>")

        expect(dialog.get_by_text("It would end 1 client at once.")).to_be_visible()
        expect(dialog.get_by_role("listitem")).to_contain_text("noisy")
        dialog.get_by_role("button", name="Ban and end 1 client").click()

        assert b"banned" in peer.rest()
        expect(row(page, "127.0.0.77")).to_contain_text("<b>spam</b>")
        page.get_by_role("button", name="Undo").click()
        expect(row(page, "127.0.0.77")).to_have_count(0)
        shared.connect(source=("127.0.0.77", 0)).send(b"\n")
        shared.console(r"^Client \[127.0.0.77, \d+\] connected$")


def test_a_ban_undone_gives_back_the_one_that_it_replaced(shared, open_page):
    api(shared, "POST", "/bans", {"network": "192.0.2.9", "reason": "the first"})
    with open_page(shared, "/console/bans") as page:
        expect(row(page, "192.0.2.9")).to_contain_text("the first")
        page.keyboard.press("b")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Address or network").fill("192.0.2.9")
        expect(dialog.get_by_text("It takes the place of the ban for good.")).to_be_visible()
        dialog.get_by_role("button", name="Ban", exact=True).click()
        expect(row(page, "192.0.2.9")).to_contain_text("no reason given")

        page.get_by_role("button", name="Undo").click()

        expect(row(page, "192.0.2.9")).to_contain_text("the first")
        expect(row(page, "192.0.2.9")).to_contain_text("no end")


def test_a_network_that_cannot_be_read_is_said_and_cannot_be_banned(shared, open_page):
    with open_page(shared, "/console/bans") as page:
        page.get_by_role("button", name="Ban…").click()
        page.get_by_role("textbox", name="Address or network").fill("<b>10.0.0.1/40")

        expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Expected an address or a network")
        expect(page.get_by_role("dialog").get_by_role("button", name="Ban", exact=True)).to_be_disabled()


def test_the_end_of_a_ban_is_changed(shared, open_page):
    api(shared, "POST", "/bans", {"network": "192.0.2.10"})
    with open_page(shared, "/console/bans") as page:
        expect(row(page, "192.0.2.10")).to_contain_text("no end")
        row(page, "192.0.2.10").get_by_role("button", name="Change").click()
        page.get_by_label("Ends").select_option("In 10 minutes")
        page.get_by_label("Reason").fill("for now")
        page.get_by_role("button", name="Change", exact=True).click()

        expect(row(page, "192.0.2.10")).to_contain_text(re.compile(r"for now.*9 m \d+ s left"))


def test_two_operators_lift_one_ban_and_both_pages_are_right(shared, open_page):
    api(shared, "POST", "/bans", {"network": "192.0.2.11"})
    with open_page(shared, "/console/bans") as page, open_page(shared, "/console/bans") as other:
        expect(row(page, "192.0.2.11")).to_be_visible()
        page.route("**/bans/192.0.2.11", lambda route: [api(shared, "DELETE", "/bans/192.0.2.11"), route.continue_()])
        row(page, "192.0.2.11").get_by_role("button", name="Lift").click()

        expect(page.get_by_text("192.0.2.11 was not banned any more.")).to_be_visible()
        for one in (page, other):
            expect(row(one, "192.0.2.11")).to_have_count(0)


@pytest.mark.parametrize("who", ["loud", "127.0.0.78"])
def test_a_mute_silences_and_is_lifted(shared, open_page, who):
    peer = shared.connect(source=("127.0.0.78", 0))
    peer.send(b"/nick loud\n/who\n")
    peer.until("(you) ***")
    with open_page(shared, "/console/bans") as page:
        page.keyboard.press("m")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Nick, port").fill(who)
        expect(dialog.get_by_text("It would silence 1 client at once.")).to_be_visible()
        dialog.get_by_role("button", name="Mute", exact=True).click()
        expect(row(page, who)).to_be_visible()
        peer.send(b"hello?\n")
        assert "you are muted until" in peer.until("***")[-1]

        row(page, who).get_by_role("button", name="Lift").click()

        expect(row(page, who)).to_have_count(0)
    peer.close()


def test_bans_and_mutes_are_searched_and_the_search_is_in_the_address(shared, open_page):
    api(shared, "POST", "/bans", {"network": "198.51.100.0/28", "reason": "sought"})
    api(shared, "POST", "/bans", {"network": "198.51.100.16/28"})
    api(shared, "POST", "/mutes", {"who": "198.51.100.32/28"})
    with open_page(shared, "/console/bans") as page:
        page.keyboard.press("/")
        page.keyboard.type("198.51.100.7")

        expect(row(page, "198.51.100.16")).to_have_count(0)
        expect(row(page, "198.51.100.0")).to_be_visible()
        expect(page.get_by_text("No mute matches.")).to_be_visible()

        page.reload()

        expect(page.get_by_label("Search bans and mutes")).to_have_value("198.51.100.7")
        expect(row(page, "198.51.100.16")).to_have_count(0)


def test_the_focus_goes_to_the_neighbour_of_a_row_that_goes(shared, open_page):
    for number in (40, 41):
        api(shared, "POST", "/bans", {"network": f"198.51.100.{number}", "reason": "keys"})
    with open_page(shared, "/console/bans?search=keys") as page:
        page.get_by_role("button", name="Lift 198.51.100.40").press("Enter")
        expect(row(page, "198.51.100.40")).to_have_count(0)
        expect(row(page, "198.51.100.41")).to_be_focused()

        page.get_by_role("button", name="Lift 198.51.100.41").press("Enter")
        expect(row(page, "198.51.100.41")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_focused()
