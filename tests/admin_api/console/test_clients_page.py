"""The page of clients, in a real browser."""

import re

from playwright.sync_api import expect


def test_a_plain_client_appears_and_is_kicked_by_a_click(server, open_page):
    with open_page(server, "/console/clients") as page:
        peer = server.join()

        row = page.get_by_role("row", name=re.compile(f"127.0.0.1:{peer.port}"))
        expect(row).to_be_visible()
        row.get_by_role("button", name="Kick").click()

        assert b"kicked" in peer.rest()
        expect(row).to_have_count(0)
