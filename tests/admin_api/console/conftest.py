"""The console of a real server, in a real browser. These tests are not async: Playwright waits by itself."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Server, running_server

FOLDER = Path(__file__).parent

CHROMIUM = "/usr/bin/chromium-headless-shell"
"""The engine without the windows around it: `chromium --headless` makes those of each page too, in processes of their
own, and takes more than twice the CPU time: 37 s for 21 tests, instead of 17 s."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Without these it needs a user of its own, a graphics card, or servers elsewhere."""

expect.set_options(timeout=PATIENCE_S * 1000)

OpenPage = Callable[..., AbstractContextManager[Page]]

_RUNNING = pytest.StashKey[ExitStack]()
_BROWSER = pytest.StashKey[Browser]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the browser behind the last test of this folder: an event loop seems to run as long as it is there."""
    try:
        yield
    finally:
        if (nextitem is None or nextitem.path.parent != FOLDER) and _RUNNING in item.config.stash:
            del item.config.stash[_BROWSER]
            item.config.stash[_RUNNING].close()
            del item.config.stash[_RUNNING]


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Browser:
    """The Chromium of this worker; each page that is opened has a context of its own."""
    stash = request.config.stash
    if _BROWSER not in stash:
        with ExitStack() as stack:
            chromium = stack.enter_context(sync_playwright()).chromium
            stash[_BROWSER] = chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            stack.callback(stash[_BROWSER].close)
            stash[_RUNNING] = stack.pop_all()
    return stash[_BROWSER]


def is_loss(request: Request) -> bool:
    """Tell whether a script of a page could not be fetched; a page that is left no longer asks for its own."""
    return request.resource_type == "script" and request.failure != "net::ERR_ABORTED"


@contextmanager
def _open_page(
    browser: Browser, server: Server, path: str = "/", *, ready: bool = True, **options: object
) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{server.admin_port}", **options)
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.on(
        "requestfailed",
        lambda request: errors.append(f"{request.url}: {request.failure}") if is_loss(request) else None,
    )
    if ready:
        page.goto(path)
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def open_page(browser: Browser) -> OpenPage:
    """Open a page of a server's console in a browser that has no cookies. No script of it may fail.

    With `ready=False` the test goes to the path itself.
    """
    return lambda server, path="/", **options: _open_page(browser, server, path, **options)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server without a token."""
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on the same data folder, one after the other."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(running_server(tmp_path, *flags))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the token `a-token-for-tests-0123456789abcdef`."""
    file = tmp_path / "token"
    file.write_text("a-token-for-tests-0123456789abcdef\n")
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that leave it as it was: ann, mei and somebody without a nick, in two rooms."""
    with running_server(tmp_path_factory.mktemp("town")) as running:
        peers = [running.join() for _ in range(3)]
        for peer, nick, room in zip(peers, ("ann", "mei"), ("ops", "lobby"), strict=False):
            peer.send(f"/nick {nick}\n/join {room}\nhello\n".encode())
        peers[2].until("[mei]> hello")
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that keep to rooms, hooks and networks of their own."""
    with running_server(tmp_path_factory.mktemp("shared"), "--rate", "0") as running:
        yield running
