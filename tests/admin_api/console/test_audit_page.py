"""The page of the audit, in a real browser."""

import re

from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api


def rows(page):
    return page.locator("#audit tbody tr")


def test_actions_appear_as_they_are_done_the_newest_first(server, open_page):
    with open_page(server, "/console/audit") as page:
        expect(page.get_by_text("No operator has done anything yet.")).to_be_visible()

        for number in range(2):
            api(server, "POST", "/bans", {"network": f"192.0.2.{number}", "reason": "<b>spam</b>"})

        expect(rows(page)).to_have_count(2)
        expect(rows(page).first).to_contain_text("192.0.2.1 (0 kicked): <b>spam</b>")


def test_the_audit_is_filtered_and_a_reload_shows_the_same(shared, open_page):
    api(shared, "POST", "/bans", {"network": "198.51.100.7"})
    api(shared, "DELETE", "/bans/198.51.100.7")
    with open_page(shared, "/console/audit") as page:
        page.get_by_label("Action", exact=True).select_option("unban")
        expect(rows(page)).to_have_count(1)
        page.reload()
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text("198.51.100.7")

        page.get_by_label("Who").fill("nobody")
        expect(page.get_by_text("No action matches.")).to_be_visible()
        page.get_by_role("button", name="Clear the filters").click()
        expect(rows(page).filter(has_text="unban")).to_have_count(1)
        expect(page).to_have_url(re.compile("/console/audit$"))


def test_the_audit_is_read_page_by_page(shared, open_page):
    peer = shared.join()
    peer.send(b"/join noted\n")
    peer.until("you are in #noted ***")
    for number in range(105):
        api(shared, "PUT", "/rooms/noted/topic", {"topic": f"{number}"})
    with open_page(shared, "/console/audit?action=topic") as page:
        expect(rows(page)).to_have_count(100)

        page.get_by_role("button", name="Next").click()

        expect(rows(page)).to_have_count(5)
        page.get_by_role("button", name="Previous").click()
        expect(rows(page)).to_have_count(100)
