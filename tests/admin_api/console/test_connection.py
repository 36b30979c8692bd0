"""A page whose server goes away and comes back."""

import signal

from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api


def test_a_restart_under_an_open_page_is_said_and_the_page_goes_on(start, open_page):
    first = start()
    first.join()
    with open_page(first, "/console/clients") as page:
        expect(page.locator("#count")).to_have_text("1 client")
        first.stop(signal.SIGKILL)

        bar = page.locator("#connection")
        expect(bar).to_contain_text("The server has not been reached since")
        expect(bar).to_contain_text("next try in")
        expect(page.locator("#live")).to_have_text("Not connected")
        expect(page.locator("#count")).to_have_text("1 client")

        second = start("--admin-port", str(first.admin_port))
        expect(bar).to_be_hidden()
        expect(page.locator("#live")).to_have_text("Live")
        expect(page.get_by_text("The server was restarted.").first).to_be_visible()
        expect(page.get_by_text("Nobody is connected.")).to_be_visible()
        peer = second.join()
        expect(page.get_by_role("row").filter(has_text=f"127.0.0.1:{peer.port}")).to_be_visible()


def test_a_page_that_gets_no_events_since_there_are_too_many_readers_asks_instead(town, open_page):
    with open_page(town, "/console/clients", ready=False) as page:
        page.route("**/events?*", lambda route: route.fulfill(status=503, body="{}"))
        page.goto("/console/clients")
        expect(page.locator("#live")).to_have_text("Every 5 s")

        peer = town.join()
        expect(page.get_by_role("row").filter(has_text=f"127.0.0.1:{peer.port}")).to_be_visible()
        peer.send(b"quit()\n")
        peer.rest()


def test_what_happens_while_a_page_begins_is_shown_once(town, open_page):
    newcomers = []

    def come_before_the_stream(route):
        newcomers.append(town.join())
        route.continue_()

    def ban_before_the_audit(route):
        api(town, "POST", "/bans", {"network": "198.51.100.99", "reason": "between two steps"})
        route.continue_()

    with open_page(town, "/console/clients", ready=False) as page:
        page.route("**/events?*", come_before_the_stream)
        page.route("**/audit?*", ban_before_the_audit)
        with page.expect_response("**/audit?*"):
            page.goto("/console/clients")

        feed = page.locator("#feed li")
        expect(feed.filter(has_text=f"127.0.0.1:{newcomers[0].port}")).to_have_count(1)
        expect(feed.filter(has_text="between two steps")).to_have_count(1)
    api(town, "DELETE", "/bans/198.51.100.99")
    for one in newcomers:
        one.close()
