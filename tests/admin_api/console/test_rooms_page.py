"""The page of rooms, in a real browser."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

HOSTILE = "<img src=x onerror=alert(1)> &amp; \"'\u0430"


def api(server, method, path, body=None):
    """Call the API of a server as another operator would; -> its answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{server.admin_port}{path}", data, headers, method=method)
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


def enter(server, room):
    """Let a client with a nick of its own enter a room. -> the client"""
    peer = server.join()
    peer.send(f"/join {room}\n".encode())
    peer.until(f"you are in #{room} ***")
    return peer


@pytest.fixture(scope="module")
def crowd(shared):
    """A server with 120 rooms that nobody is in any more, and #bay with one member and a topic."""
    peer = shared.join()
    for number in range(120):
        peer.send(f"/join hall-{number:03}\n/topic about {number}\n".encode())
    peer.send(b"/join bay\n/topic " + HOSTILE.encode() + b"\n/who\n")
    peer.until("(you) ***")
    return shared


def rows(page):
    return page.locator("#rooms tbody tr")


def test_rooms_are_listed_with_members_and_a_hostile_topic_as_text(crowd, open_page):
    with open_page(crowd, "/console/rooms") as page:
        row = page.get_by_role("row", name=re.compile("#bay"))

        expect(row).to_contain_text(HOSTILE)
        expect(row.get_by_role("cell").nth(1)).to_have_text("1")
        expect(rows(page).first).to_contain_text("#bay")  # most members first


def test_rooms_are_searched_and_sorted_by_the_server_and_a_reload_shows_the_same(crowd, open_page):
    with open_page(crowd, "/console/rooms") as page:
        page.keyboard.press("/")
        page.keyboard.type("about 11")
        expect(page.locator("#count")).to_have_text("11 rooms")  # 11, 110 to 119
        page.get_by_role("button", name="Room").click()
        expect(rows(page).first).to_contain_text("#hall-011")
        page.get_by_role("button", name="Room").click()
        expect(rows(page).first).to_contain_text("#hall-119")
        expect(page.get_by_role("columnheader", name="Room")).to_have_attribute("aria-sort", "descending")

        page.reload()

        expect(rows(page).first).to_contain_text("#hall-119")
        expect(page.get_by_label("Search")).to_have_value("about 11")


def test_pages_of_rooms_are_turned(crowd, open_page):
    with open_page(crowd, "/console/rooms?sort=name") as page:
        expect(page.locator("#pages")).to_contain_text("1–100 of 122")
        expect(page.get_by_role("button", name="Previous")).to_be_disabled()

        page.get_by_role("button", name="Next").click()

        expect(page.locator("#pages")).to_contain_text("101–122 of 122")
        expect(rows(page)).to_have_count(22)
        expect(page.get_by_role("button", name="Next")).to_be_disabled()
        page.get_by_role("button", name="Previous").click()
        expect(rows(page).first).to_contain_text("#bay")


def test_a_search_that_finds_nothing_says_so(crowd, open_page):
    with open_page(crowd, "/console/rooms") as page:
        page.get_by_label("Search").fill("<b>none")

        expect(page.get_by_text("No room's name or topic has “<b>none”.")).to_be_visible()


def test_the_keys_move_between_rooms_and_open_one(crowd, open_page):
    with open_page(crowd, "/console/rooms?sort=name") as page:
        expect(rows(page)).to_have_count(100)
        for key in "jjk":
            page.keyboard.press(key)
        expect(rows(page).nth(0)).to_be_focused()

        page.keyboard.press("Enter")

        expect(page).to_have_url(re.compile("/console/rooms/bay$"))
        expect(page.get_by_role("heading", level=1)).to_have_text("#bay")
