"""The page of clients with ten thousand of them, who come and go."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
import trio
from playwright.sync_api import expect

CLIENTS = 10_000
ROWS_MAX = 60
"""On a screen 900 pixels high, with the rows spared above and below it."""


@dataclass
class Crowd:
    """An admin app over a chat in another thread, whose clients have no sockets."""

    admin: Any
    token: trio.lowlevel.TrioToken
    stopped: trio.Event

    @property
    def admin_port(self) -> int:
        return int(self.admin.site.url.rpartition(":")[2])

    def do(self, act: Callable[[], object]) -> None:
        """Do something in the thread of the chat."""
        trio.from_thread.run_sync(act, trio_token=self.token)

    def come(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            client = self.admin.connect(1024 + number % 60_000, f"10.{number // 60_000}.{number // 250 % 250}.1")
            self.admin.chat.rename(client, f"nick{number}")

    def leave(self, first: int) -> None:
        """Let those go who came as the `first` and later."""
        for client in tuple(self.admin.chat.clients):
            if int(client.nick.removeprefix("nick")) >= first:
                self.admin.chat.disconnect(client)


@contextmanager
def crowd_of(open_admin, count: int) -> Iterator[Crowd]:
    """Serve the admin app over so many clients during the block."""
    made: list[Crowd] = []
    failed: list[BaseException] = []
    is_ready = Event()

    async def serve() -> None:
        async with open_admin() as admin:
            crowd = Crowd(admin, trio.lowlevel.current_trio_token(), trio.Event())
            for first in range(0, count, 100):
                crowd.come(first, min(100, count - first))
                await trio.lowlevel.checkpoint()
            made.append(crowd)
            is_ready.set()
            await crowd.stopped.wait()

    def run() -> None:
        try:
            trio.run(serve)
        except BaseException as error:  # told in the test's own thread
            failed.append(error)
        is_ready.set()

    thread = Thread(target=run)
    thread.start()
    is_ready.wait()
    try:
        if made:
            yield made[0]
    finally:
        if made:
            made[0].do(made[0].stopped.set)
        thread.join()
    assert failed == []


@pytest.fixture(scope="module")
def many(open_admin) -> Iterator[Crowd]:
    """A server with CLIENTS clients."""
    with crowd_of(open_admin, CLIENTS) as crowd:
        yield crowd


def rows_of(page):
    return page.locator("#clients tbody tr:not(.space)")


def test_only_the_rows_on_the_screen_are_made_down_to_the_last(many, open_page):
    with open_page(many, "/console/clients", viewport={"width": 1280, "height": 900}) as page:
        expect(page.locator("#count")).to_have_text("10,000 clients")
        expect(page.get_by_role("row", name=re.compile("nick0 "))).to_be_visible()
        assert 10 < rows_of(page).count() < ROWS_MAX

        page.evaluate("scrollTo(0, document.body.scrollHeight)")

        last = page.get_by_role("row", name=re.compile("nick9999 "))
        expect(last).to_be_in_viewport()
        expect(last).to_have_attribute("aria-rowindex", "10001")
        assert 10 < rows_of(page).count() < ROWS_MAX
        page.evaluate("scrollTo(0, 0)")
        expect(page.get_by_role("row", name=re.compile("nick0 "))).to_be_in_viewport()


def test_a_search_among_all_of_them_is_answered(many, open_page):
    with open_page(many, "/console/clients") as page:
        page.get_by_label("Search").fill("nick777")
        expect(page.locator("#count")).to_have_text("11 of 10,000 clients")
        expect(rows_of(page)).to_have_count(11)


def test_the_page_stays_usable_while_hundreds_come_and_go(many, open_page):
    with open_page(many, "/console/clients") as page:
        expect(page.locator("#count")).to_have_text("10,000 clients")
        for number in range(5):
            many.do(lambda first=20_000 + 200 * number: many.come(first, 200))
            expect(page.locator("#count")).to_have_text(f"{10_200 + 200 * number:,} clients")

        assert rows_of(page).count() < ROWS_MAX
        expect(page.locator("#feed")).to_contain_text("200 clients connected")
        assert page.locator("#feed li").count() <= 40
        page.get_by_label("Search").fill("nick20777")
        row = page.get_by_role("row", name=re.compile("nick20777 "))
        row.get_by_role("button", name="Kick").click()
        expect(page.get_by_text("No client matches.")).to_be_visible()
    many.do(lambda: many.leave(20_000))
