"""The overview, in a real browser."""

import re

from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api


def test_it_says_that_all_is_well_and_who_is_there(town, open_page):
    with open_page(town, "/console/") as page:
        expect(page.get_by_role("heading", name="All is well.")).to_be_visible()
        expect(page.locator("#summary")).to_contain_text("3 clients connected, in 2 rooms; everybody in step.")
        expect(page.locator("#rooms")).to_contain_text("#ops")


def test_who_takes_nothing_is_in_trouble_and_is_ended_by_a_click(server, open_page):
    stuck, sender = server.join(), server.join()
    with open_page(server, "/console/") as page:
        sender.send((b"." * 1000 + b"\n") * 4000)

        expect(page.get_by_role("heading", name="1 thing to look at.")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("1 client takes nothing"))).to_be_visible()
        expect(page.locator("#behind")).to_contain_text(re.compile(r"stuck, \d+ of 30 s"))
        page.get_by_role("button", name=f"Kick 127.0.0.1:{stuck.port}").click()

        expect(page.locator("#behind li")).to_have_count(0)
        expect(page.get_by_role("heading", name="All is well.")).to_be_visible()


def test_a_plot_has_a_crosshair_that_the_keys_move(town, open_page):
    samples = [
        {"time": 1795507200 + 10 * number, "clients": number, "away": 0, "behind": 0, "lines_per_s": 1.5}
        | {"deliveries_per_s": 38912.0, "delay_p50_ms": None, "delay_p99_ms": 4.13}
        for number in range(360)
    ]
    with open_page(town, "/console/", ready=False) as page:
        page.route("**/series", lambda route: route.fulfill(json={"interval_s": 10, "samples": samples, "ended": {}}))
        page.goto("/console/")
        plot = page.get_by_role("slider", name="Connected, the last hour")
        expect(plot).to_have_attribute("aria-valuetext", re.compile("^359 at "))

        plot.press("Home")
        plot.press("ArrowRight")
        expect(plot).to_have_attribute("aria-valuetext", re.compile("^1 at "))
        expect(plot.locator(".cross line")).to_have_count(1)
        plot.press("Escape")
        expect(plot.locator(".cross line")).to_have_count(0)

        box = plot.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
        expect(plot).to_have_attribute("aria-valuetext", re.compile("^1[4-9][0-9] at "))
        expect(page.get_by_role("region", name="Deliveries a second")).to_contain_text("38.9 k")


def test_a_resource_that_is_nearly_used_up_is_a_thing_to_look_at(town, open_page):
    def nearly_full(route):
        status = route.fetch().json()
        disk = {"name": "disk", "used": 39 * 2**30, "limit": 40 * 2**30, "unit": "bytes"}
        others = [one for one in status["resources"] if one["name"] != "disk"]
        route.fulfill(json=status | {"resources": [*others, disk]})

    with open_page(town, "/console/", ready=False) as page:
        page.route("**/status", nearly_full)
        page.goto("/console/")

        expect(page.get_by_role("heading", name="1 thing to look at.")).to_be_visible()
        expect(page.get_by_text("97 % of the disk with the history are used: 39 GB of 40 GB.")).to_be_visible()
        expect(page.locator("#resources li").filter(has_text="Connections")).to_contain_text("3 of ")
        expect(page.locator("#resources .nearly")).to_have_count(1)


def test_a_topic_of_an_operator_is_told_once_with_the_topic(town, open_page):
    with open_page(town, "/console/") as page:
        expect(page.locator("#live")).to_have_text("Live")
        api(town, "PUT", "/rooms/ops/topic", {"topic": "on call: mei"})
        expect(page.locator("#feed")).to_contain_text("topic of #ops: on call: mei")
        api(town, "POST", "/bans", {"network": "192.0.2.99"})
        api(town, "DELETE", "/bans/192.0.2.99")

        page.reload()
        expect(page.locator("#feed")).to_contain_text("ban of 192.0.2.99 lifted")  # the feed begins with the audit
        expect(page.locator("#feed")).not_to_contain_text("topic of")
