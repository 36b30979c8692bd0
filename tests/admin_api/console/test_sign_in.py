"""Signing in to the console, and out, in a real browser and byte by byte."""

import re

from playwright.sync_api import expect


def test_a_browser_at_the_root_is_led_to_the_console_and_a_program_is_not(server):
    browser = server.http("GET / HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\nX:")
    assert b"location: /console/" in browser
    assert b'"endpoints"' in server.http("GET /")


def test_the_token_signs_in_and_a_wrong_one_is_said(start, token_file, open_page):
    with open_page(start("--admin-token-file", str(token_file)), "/console/clients") as page:
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")

        page.get_by_label("Token").fill("a-token-for-tests-0123456789abcdef")
        page.get_by_role("button", name="Sign in").click()

        expect(page).to_have_url(re.compile("/console/clients$"))
        expect(page.get_by_text("Healthy")).to_be_visible()


def test_after_signing_out_no_page_and_no_endpoint_is_shown(start, token_file, open_page):
    with open_page(start("--admin-token-file", str(token_file))) as page:
        page.get_by_label("Token").fill("a-token-for-tests-0123456789abcdef")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Healthy")).to_be_visible()

        page.get_by_role("button", name="Sign out").click()

        expect(page).to_have_url(re.compile("/console/sign-in"))
        assert page.request.get("/clients").status == 401


def test_a_change_by_cookie_needs_the_csrf_token_of_the_page(start, token_file, open_page):
    with open_page(start("--admin-token-file", str(token_file))) as page:
        page.get_by_label("Token").fill("a-token-for-tests-0123456789abcdef")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Healthy")).to_be_visible()

        assert page.request.get("/clients").status == 200
        refused = page.request.delete("/clients/1")
        assert refused.status == 403
        assert "X-CSRF-Token" in refused.json()["detail"]
