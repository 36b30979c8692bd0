"""The page of one room, in a real browser."""

import signal

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import HOSTILE, api, enter


def fill(server, room):
    """Say 250 lines in a room of its own: `line 0` and so on."""
    enter(server, room)
    for first in range(0, 250, 50):
        text = "\n".join(f"line {number}" for number in range(first, first + 50))
        api(server, "POST", f"/rooms/{room}/entries", {"text": text, "name": "counter"})


@pytest.fixture(scope="module")
def long(shared):
    """A server whose room #long has 250 lines, and gets no more."""
    fill(shared, "long")
    return shared


def lines(page):
    return page.locator("#entries .entry .text")


def test_what_is_said_appears_and_a_hostile_text_is_text(shared, open_page):
    peer = enter(shared, "live")
    with open_page(shared, "/console/rooms/live") as page:
        expect(page.locator("#members-title")).to_have_text("1 member")
        peer.send(f"{HOSTILE}\n".encode())

        expect(lines(page).last).to_have_text(HOSTILE)
        expect(page.locator("#entries .author").last).to_have_text(f"127.0.0.1:{peer.port}")


def test_the_server_speaks_once_and_sets_the_topic(shared, open_page):
    peer = enter(shared, "speech")
    with open_page(shared, "/console/rooms/speech") as page:
        page.keyboard.press("s")
        page.keyboard.type("hello <b>all</b>")
        page.keyboard.press("Enter")
        expect(lines(page).last).to_have_text("hello <b>all</b>")
        expect(page.get_by_label("Say as the server")).to_have_value("")

        page.get_by_role("button", name="Set topic").click()
        page.get_by_role("dialog").get_by_label("Topic").fill("deploy at 22:00")
        page.get_by_role("button", name="Set the topic").click()
        expect(page.locator("#topic")).to_have_text("deploy at 22:00")

        assert peer.until("deploy at 22:00 ***")[-2:] == [
            "[server]> hello <b>all</b>",
            "*** [server] set the topic: deploy at 22:00 ***",
        ]


def test_a_text_is_said_once_though_its_answer_was_lost(shared, open_page):
    enter(shared, "twice")
    with open_page(shared, "/console/rooms/twice") as page:
        expect(lines(page)).to_have_count(1)

        def lose(route):
            route.fetch()
            route.abort()

        page.route("**/rooms/twice/entries", lose, times=1)
        page.get_by_label("Say as the server").fill("only once")
        page.get_by_role("button", name="Say").click()
        expect(page.get_by_text("The server was not reached.")).to_be_visible()
        page.get_by_role("button", name="Say").click()
        expect(page.get_by_label("Say as the server")).to_have_value("")

    said = [entry["text"] for entry in api(shared, "GET", "/rooms/twice/entries")["entries"]]
    assert said.count("only once") == 1


def test_scrolling_up_brings_older_lines_and_nothing_jumps(long, open_page):
    with open_page(long, "/console/rooms/long") as page:
        expect(lines(page).last).to_have_text("line 249")
        expect(lines(page)).to_have_count(100)
        seen = page.locator(".entry", has_text="line 150")
        seen.scroll_into_view_if_needed()

        expect(lines(page)).to_have_count(200)

        expect(seen).to_be_in_viewport()
        page.locator(".entry", has_text="line 50").first.scroll_into_view_if_needed()
        expect(lines(page)).to_have_count(251)  # with who joined
        expect(page.get_by_text("The room's first line.")).to_be_attached()


def test_new_lines_do_not_move_one_who_reads_older_ones(shared, open_page):
    fill(shared, "news")
    with open_page(shared, "/console/rooms/news") as page:
        expect(lines(page).last).to_have_text("line 249")
        page.locator("#entries").evaluate("box => { box.scrollTop = 500 }")

        api(shared, "POST", "/rooms/news/entries", {"text": "news\nmore news", "name": "counter"})

        page.get_by_role("button", name="2 new lines").click()
        expect(lines(page).last).to_be_in_viewport()
        expect(lines(page).last).to_have_text("more news")


def test_a_search_shows_what_was_found_and_can_be_linked_to(long, open_page):
    with open_page(long, "/console/rooms/long?q=42") as page:
        expect(lines(page)).to_have_text(["line 42"])
        expect(page.get_by_text("1 line found.")).to_be_visible()

        page.get_by_label("Search").fill("no such <word>")
        expect(page.get_by_text("No line here has “no such <word>”.")).to_be_visible()
        page.get_by_label("Search").fill("")
        expect(lines(page)).to_have_count(100)


def test_a_search_knows_who_said_it_and_says_what_is_wrong_with_it_in_place_of_lines(shared, open_page):
    enter(shared, "sought")
    api(shared, "POST", "/rooms/sought/entries", {"text": "sought line", "name": "finder"})
    with open_page(shared, "/console/rooms/sought") as page:
        page.get_by_label("Search").fill("sought from:")
        expect(page.get_by_text("Say from: with something behind it")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)

        page.get_by_label("Search").fill("sought from:finder")
        expect(lines(page)).to_have_text(["sought line"])
        page.get_by_label("Search").fill("sought from:nobody")
        expect(page.get_by_text("No line here has")).to_be_visible()


def test_the_export_is_a_file_of_all_lines(long, open_page):
    with open_page(long, "/console/rooms/long") as page:
        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()

        assert download.value.suggested_filename == "long.ndjson"
        assert len(download.value.path().read_text().splitlines()) >= 250


def said(server, room, text):
    """Say something in a room as a program; -> its id."""
    return api(server, "POST", f"/rooms/{room}/entries", {"text": text, "name": "counter"})["id"]


def test_a_line_is_removed_after_a_question_with_its_text_on_every_page(shared, open_page):
    peer = enter(shared, "grave")
    said(shared, "grave", f"secret {HOSTILE}")
    with (
        open_page(shared, "/console/rooms/grave") as page,
        open_page(shared, "/console/rooms/grave?q=secret") as other,
    ):
        expect(lines(other)).to_have_count(1)
        page.locator(".entry", has_text="secret").hover()
        page.get_by_role("button", name="Remove what counter said").click()
        dialog = page.get_by_role("dialog", name="Remove this message of counter?")
        expect(dialog.locator("blockquote")).to_have_text(f"secret {HOSTILE}")
        dialog.get_by_label("Reason").fill("a <b>password</b>")
        dialog.get_by_role("button", name="Remove it").click()

        removed = "a message of [counter] was removed: a <b>password</b>"
        for one in (page, other):
            expect(one.get_by_text("secret")).to_have_count(0)
            expect(lines(one).filter(has_text=removed).first).to_be_visible()
        peer.until(f"{removed} ***")
    assert "secret" not in str(api(shared, "GET", "/rooms/grave/entries"))


def test_two_operators_remove_one_line_and_both_pages_are_right(shared, open_page):
    enter(shared, "twofold")
    entry = said(shared, "twofold", "unwanted")
    with open_page(shared, "/console/rooms/twofold") as page:
        page.locator(".entry", has_text="unwanted").hover()
        page.get_by_role("button", name="Remove what counter said").click()
        api(shared, "DELETE", f"/rooms/twofold/entries/{entry}")
        page.get_by_role("button", name="Remove it").click()

        expect(page.locator(".toast")).to_contain_text("was removed before")
        expect(page.get_by_text("unwanted")).to_have_count(0)


def test_a_room_that_is_not_there_says_so(shared, open_page):
    with open_page(shared, "/console/rooms/%3Cb%3Enone") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("#<b>none")
        expect(page.get_by_text("There is no room #<b>none.")).to_be_visible()


def test_a_link_to_a_room_survives_the_sign_in(start, token_file, open_page):
    with open_page(start("--admin-token-file", str(token_file)), "/console/rooms/lobby?q=a%20b") as page:
        page.get_by_label("Token").fill("a-token-for-tests-0123456789abcdef")
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("#lobby")
        expect(page.get_by_label("Search")).to_have_value("a b")


def test_a_page_goes_on_after_a_restart_with_ids_that_begin_anew(start, open_page):
    first = start("--journal", "memory:")
    peer = first.join()
    peer.send(b"one\ntwo\nthree\n")
    with open_page(first, "/console/rooms/lobby") as page:
        expect(lines(page).last).to_have_text("three")
        first.stop(signal.SIGKILL)
        expect(page.locator("#live")).to_have_text("Not connected")
        expect(lines(page).last).to_have_text("three")

        start("--journal", "memory:", "--admin-port", str(first.admin_port)).join().send(b"anew\n")

        expect(lines(page).last).to_have_text("anew")
        expect(page.get_by_text("three")).to_have_count(0)
