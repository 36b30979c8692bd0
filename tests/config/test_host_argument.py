"""HOST as people type and paste it. `tests/test_cli.py` has the mistakes, as they are told."""

from pathlib import Path

import pytest

from trio_chat.config.client_file import FILE_NAME, ClientFile, read_client_file
from trio_chat.config.host_argument import CHAT_PORT, HostArgument, address_of, read_host_argument

CODE, DIGEST = "abcdefghijklmnopqrstuvwxyz", "AB" * 32


@pytest.fixture
def file(tmp_path: Path) -> ClientFile:
    (tmp_path / FILE_NAME).write_text('[servers.work]\nhost = "chat.example.org"\nport = 5556\n[servers.home]\n')
    return read_client_file(tmp_path)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("localhost", HostArgument("localhost")),
        ("localhost:5556", HostArgument("localhost:5556")),
        ("ann@localhost", HostArgument("localhost", nick="ann")),
        ("\u200btelnet://ann@localhost:1/ \r\n", HostArgument("localhost:1", nick="ann")),
        (f"localhost:1/{CODE}/{DIGEST}", HostArgument("localhost:1", code=CODE, digest=DIGEST.lower())),
        (f"ann@localhost:1/{CODE}/-", HostArgument("localhost:1", nick="ann", code=CODE)),
        (f"localhost:1/{CODE}", HostArgument(f"localhost:1/{CODE}")),
    ],
)
def test_a_host_is_parsed_with_its_nick_and_its_invite(text: str, argument: HostArgument) -> None:
    assert read_host_argument(text) == argument


@pytest.mark.parametrize(
    ("server", "port", "address"),
    [
        ("localhost", None, ("localhost", CHAT_PORT)),
        ("localhost:1", None, ("localhost", 1)),
        ("[::1]:1", None, ("[::1]", 1)),
        ("::1", "1", ("::1", 1)),
        ("work", None, ("chat.example.org", 5556)),
        ("work", "1", ("chat.example.org", 1)),
        ("home", None, ("home", CHAT_PORT)),
    ],
)
def test_a_server_has_the_port_beside_it_or_in_it_or_the_saved_one_or_that_of_every_chat(
    file: ClientFile, server: str, port: str | None, address: tuple[str, int]
) -> None:
    assert address_of(server, port, file) == address
