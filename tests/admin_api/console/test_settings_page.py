"""The page of settings, in a real browser."""

from playwright.sync_api import expect


def test_settings_stand_in_sections_with_their_values_and_where_these_came_from(shared, open_page):
    with open_page(shared, "/console/settings") as page:
        row = page.get_by_role("region", name="Rates and time-outs").get_by_role("row", name="rate Lines per second")

        expect(row).to_contain_text("--rate")
        expect(page.get_by_role("row", name="port Port of the chat")).to_contain_text("Needs a restart.")
        expect(row).not_to_contain_text("restart")


def test_settings_are_searched_and_those_that_were_set_can_be_shown_alone(shared, open_page):
    with open_page(shared, "/console/settings") as page:
        page.get_by_label("Search").fill("admin-port")
        expect(page.locator("#count")).to_have_text("1 setting")
        page.get_by_label("Search").fill("<none>")
        expect(page.get_by_text("No setting has “<none>”.")).to_be_visible()

        page.get_by_label("Search").fill("")
        page.get_by_label("Only those that were set").check()

        expect(page.locator(".settings tbody tr").filter(has_text="default")).to_have_count(0)
        expect(page.locator(".settings tbody tr").filter(has_text="--data")).to_have_count(1)
