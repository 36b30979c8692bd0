"""The page of clients, in a real browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.admin_api.console.test_rooms_page import api
from tests.protocol.conftest import Peer, Server

HOSTILE = "<img src=x onerror=document.title='taken'>&lt;b&gt;"


def row_of(page, who: Peer | str):
    label = f"127.0.0.1:{who.port}" if isinstance(who, Peer) else who
    return page.get_by_role("row", name=re.compile(label))


def nicked(server: Server, nick: str) -> Peer:
    """Let somebody join under a nick."""
    peer = server.join()
    peer.send(f"/nick {nick}\n".encode())
    peer.until(f"you are [{nick}] now ***")
    return peer


def clients(page):
    return page.request.get("/clients").json()["clients"]


def test_a_plain_client_appears_and_is_kicked_by_a_click(server, open_page):
    with open_page(server, "/console/clients") as page:
        expect(page.get_by_text("Nobody is connected.")).to_be_visible()
        peer = server.join()

        row = row_of(page, peer)
        expect(row).to_be_visible()
        row.get_by_role("button", name="Kick").click()

        assert b"kicked" in peer.rest()
        expect(row).to_have_count(0)
        assert clients(page) == []


def test_a_ban_shows_first_whom_else_it_would_end_and_can_be_undone(server, open_page):
    peers = [server.join(), server.join()]
    with open_page(server, "/console/clients") as page:
        row_of(page, peers[0]).get_by_role("button", name="Ban 127.0.0.1").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("It would end 2 clients at once.")).to_be_visible()
        expect(dialog.get_by_role("listitem")).to_have_count(2)
        dialog.get_by_role("button", name="Ban and end 2 clients").click()

        assert all(b"banned" in peer.rest() for peer in peers)
        expect(page.get_by_text(re.compile("127.0.0.1 is banned until .*; 2 clients ended."))).to_be_visible()
        assert b"banned" in server.connect().rest()

        page.get_by_role("button", name="Undo").click()

        expect(page.get_by_text("127.0.0.1 is not banned any more.")).to_be_visible()
        expect(row_of(page, server.join())).to_be_visible()


def test_a_ban_that_ends_this_client_alone_is_made_by_one_click_and_can_be_undone(shared, open_page):
    shared.join()  # or it would end everybody
    peer = shared.connect(source=("127.0.0.66", 0))
    peer.send(b"/nick loud\n/who\n")
    peer.until("(you) ***")
    with open_page(shared, "/console/clients") as page:
        row_of(page, "loud").get_by_role("button", name="Ban 127.0.0.66").click()

        assert b"banned" in peer.rest()
        expect(page.get_by_text("127.0.0.66 is banned for 1 h; 1 client ended.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("The ban of 127.0.0.66 is lifted.")).to_be_visible()


def test_who_is_muted_is_marked_and_leads_to_the_mute(shared, open_page):
    peer = shared.connect(source=("127.0.0.67", 0))
    peer.send(b"/nick hush\n/who\n")
    peer.until("(you) ***")
    api(shared, "POST", "/mutes", {"who": "hush"})
    with open_page(shared, "/console/clients") as page:
        expect(row_of(page, "hush")).to_contain_text("muted")
        page.get_by_role("button", name="hush", exact=True).click()
        page.get_by_role("dialog").get_by_role("link", name="yes").click()

        expect(page.get_by_label("Search bans and mutes")).to_have_value("127.0.0.67")
        expect(page.get_by_role("row", name=re.compile("hush"))).to_be_visible()


def test_a_client_that_another_operator_kicked_first_is_gone_on_both_pages(server, open_page):
    peer = server.join()
    with open_page(server, "/console/clients") as first, open_page(server, "/console/clients") as second:
        expect(row_of(first, peer)).to_be_visible()
        button = row_of(second, peer).get_by_role("button", name="Kick")
        expect(button).to_be_visible()
        second.route("**/clients?*", lambda route: route.abort())  # it does not hear of the end by itself
        row_of(first, peer).get_by_role("button", name="Kick").click()
        assert b"kicked" in peer.rest()

        button.click()

        expect(row_of(second, peer)).to_contain_text("gone")
        expect(second.locator(".toast.fault")).to_have_count(0)
        second.unroute_all()
        expect(row_of(second, peer)).to_have_count(0)
        expect(row_of(first, peer)).to_have_count(0)


def test_many_are_selected_and_ended_after_a_question_with_their_list(server, open_page):
    ann, bob, zoe = (nicked(server, nick) for nick in ("ann", "bob", "zoe"))
    with open_page(server, "/console/clients") as page:
        page.get_by_label("Select ann").check()
        page.get_by_label("Select bob").check()
        page.get_by_role("button", name="End 2 selected…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("listitem")).to_have_count(2)
        expect(dialog).to_contain_text("ann")
        bob.send(b"quit()\n")  # and is gone before the answer
        bob.rest()
        dialog.get_by_label("Reason").fill("maintenance")
        dialog.get_by_role("button", name="End 2 clients").click()

        expect(page.get_by_text("1 client ended; 1 had left already.")).to_be_visible()
        assert b"maintenance" in ann.rest()
        expect(row_of(page, "ann")).to_have_count(0)
        assert [client["nick"] for client in clients(page)] == ["zoe"]
        assert zoe.socket.fileno() > 0


def test_a_search_is_answered_by_the_server_and_kept_in_the_address(server, open_page):
    for nick in ("ann", "anna", "bob"):
        nicked(server, nick)
    with open_page(server, "/console/clients") as page:
        expect(page.locator("#count")).to_have_text("3 clients")

        page.keyboard.press("/")
        page.keyboard.type("ann")

        expect(page.locator("#count")).to_have_text("2 of 3 clients")
        expect(row_of(page, "bob")).to_have_count(0)
        expect(page.get_by_role("button", name="End all 2 that match…")).to_be_visible()
        page.reload()
        expect(page.locator("#count")).to_have_text("2 of 3 clients")

        page.get_by_label("Search").fill("nobody at all")
        expect(page.get_by_text("No client matches.")).to_be_visible()
        page.get_by_role("button", name="Clear the filters").click()
        expect(page.locator("#count")).to_have_text("3 clients")


def test_the_keys_move_select_and_list_themselves(town, open_page):
    with open_page(town, "/console/clients") as page:
        expect(row_of(page, "mei")).to_be_visible()

        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("j")
        page.keyboard.press("x")

        expect(page.get_by_label("Select mei")).to_be_checked()
        expect(page.get_by_label("Select ann")).not_to_be_checked()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Next client")
        page.keyboard.press("Escape")
        page.keyboard.press("o")
        expect(page.get_by_role("dialog")).to_contain_text("Connected")


@pytest.mark.parametrize(("column", "sorts"), [("Client", ["nick", "-nick"]), ("Behind", ["-behind", "behind"])])
def test_a_click_on_a_heading_sorts_and_another_turns_it_round(town, open_page, column, sorts):
    with open_page(town, "/console/clients") as page:
        for sort in sorts:
            with page.expect_request(lambda request, sort=sort: f"sort={sort}&" in request.url):
                page.get_by_role("columnheader", name=column).get_by_role("button").click()
        first = page.get_by_role("columnheader", name=column).get_attribute("aria-sort")
        assert first == ("descending" if sorts[-1].startswith("-") else "ascending")


def test_what_people_write_is_text_on_every_page(server, open_page):
    ann = nicked(server, "管" * 24)
    with open_page(server, "/console/clients") as page, open_page(server, "/console/") as overview:
        for one in (page, overview):
            expect(one.get_by_text("Live", exact=True)).to_be_visible()

        ann.send(f"/topic {HOSTILE}\n".encode())
        body = json.dumps({"network": "192.0.2.1", "reason": HOSTILE})
        page.request.post("/bans", data=body, headers={"Content-Type": "application/json"})

        for one in (page, overview):
            expect(one.locator("#feed")).to_contain_text(f"topic of #lobby: {HOSTILE}")
            expect(one.locator("#feed")).to_contain_text(f"192.0.2.1 banned by 127.0.0.1 (0 kicked): {HOSTILE}")
            assert one.locator("main img").count() == 0
            assert "taken" not in one.title()
        expect(row_of(page, "管" * 24)).to_be_visible()
        page.goto(f"/console/clients?search={HOSTILE}&room={HOSTILE}")
        expect(page.get_by_text("No client matches.")).to_be_visible()
        assert page.locator("main img").count() == 0


def test_a_list_that_cannot_be_fetched_says_so_and_comes_back(town, open_page):
    with open_page(town, "/console/clients") as page:
        expect(row_of(page, "mei")).to_be_visible()
        answer = {"status": 500, "content_type": "application/problem+json", "body": '{"detail": "Something broke."}'}
        page.route("**/clients?*", lambda route: route.fulfill(**answer))

        expect(page.get_by_role("alert")).to_contain_text("Something broke.")
        expect(row_of(page, "mei")).to_be_visible()
        page.unroute_all()
        expect(page.get_by_text("Something broke.")).to_have_count(0)


def test_a_kick_by_the_keyboard_keeps_the_place_in_the_list(shared, open_page):
    peers = {}
    for nick in ("kbd1", "kbd2", "kbd3"):
        peers[nick] = shared.connect(source=("127.0.0.68", 0))
        peers[nick].send(f"/nick {nick}\n/who\n".encode())
        peers[nick].until("(you) ***")
    with open_page(shared, "/console/clients?search=kbd&sort=nick") as page:
        page.get_by_role("button", name="Kick kbd2").press("Enter")

        assert b"kicked" in peers["kbd2"].rest()
        expect(row_of(page, "kbd2")).to_have_count(0)
        assert page.evaluate("document.activeElement.matches('#clients tbody tr')")
