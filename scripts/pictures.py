"""Pictures of the web console for the documentation: `make pictures` takes them anew, in both themes and on a phone.

The server is a real one, over an invented chat whose clock stands still, so that pictures differ only where pages do.
"""

import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import trio
from playwright.sync_api import Browser, Page, sync_playwright

from admin_api.console.pages import PAGES
from scripts.png import repacked
from scripts.sample_chat import fill_chat
from tests.admin_api.conftest import AdminServer, open_admin_server
from tests.admin_api.console.conftest import CHROMIUM, FLAGS

FOLDER = Path(__file__).parents[1] / "docs/pictures"
NAME = "chat.example"
UPTIME_S = 12 * 86400 + 4 * 3600

VIEWS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
        "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
        "phone": {"color_scheme": "light", "viewport": {"width": 400, "height": 800}},
    }
)


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    socket.gethostname = lambda: NAME  # in this process alone: the name of the machine is nobody's business
    trio.run(_serve)


async def _serve() -> None:
    async with open_admin_server() as admin:
        object.__setattr__(admin.state, "started_at", time.monotonic() - UPTIME_S)  # it is frozen, and just began
        object.__setattr__(admin.journal, "_clock", lambda: admin.now)  # what is said has the time of the others
        await fill_chat(admin)
        await trio.to_thread.run_sync(_take_all, admin)


def _take_all(admin: AdminServer) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for page in PAGES:
            for view, options in VIEWS.items():
                _take(browser, admin, page.path.replace("<room>", "ops"), FOLDER / f"{page.script}-{view}.png", options)
        browser.close()


def _take(browser: Browser, admin: AdminServer, path: str, file: Path, options: Mapping[str, object]) -> None:
    context = browser.new_context(reduced_motion="reduce", timezone_id="UTC", locale="en-GB", **options)
    page = context.new_page()
    page.clock.set_fixed_time(datetime.fromtimestamp(admin.now, UTC))
    page.goto(admin.site.url + path)
    page.get_by_text("Live", exact=True).wait_for()
    page.get_by_text(NAME).wait_for(state="attached")
    _pose(page, path)
    file.write_bytes(repacked(page.screenshot()))
    context.close()
    print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size / 1024:.0f} KB")


def _pose(page: Page, path: str) -> None:
    """Bring a page into the state that its picture shows."""
    if path == "/console/clients":
        page.get_by_role("row").nth(5).wait_for()
        for who in ("198.51.100.7:53626", "printer-3f"):
            if (box := page.get_by_label(f"Select {who}")).is_visible():
                box.check()
        page.mouse.move(0, 0)
    if path == "/console/rooms/ops":
        page.locator(".entry").nth(5).wait_for()
    page.wait_for_timeout(700)


if __name__ == "__main__":
    main()
