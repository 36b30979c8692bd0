"""The person's own file: what it says counts, and each mistake in it is told with its line and key."""

from pathlib import Path

import pytest

from trio_chat.config import ConfigError, JoinSettings, load
from trio_chat.config.client_file import FILE_NAME, SERVERS_MAX, ClientFile, read_client_file

CONTENT = """\
nick = "alice"  # everywhere
view = "screen"
highlight = ["deploy", "printer"]

[servers.work]
host = "chat.example.org"
port = 5556
nick = "ann"

[servers."home.net"]

[themes.mine]
name-1 = "#ff8800 bold"
"""


def written(folder: Path, content: str) -> ClientFile:
    (folder / FILE_NAME).write_text(content)
    return read_client_file(folder)


def settings(file: ClientFile, server: str = "", **flags: object) -> JoinSettings:
    return load(JoinSettings, flags, {}, tables=file.tables_for(server))


def mistake(folder: Path, content: str, server: str = "") -> str:
    """Return what is said about a mistake, without the address of the file."""

    def read() -> None:
        file = written(folder, content)
        settings(file, server)
        file.address_of(server)

    with pytest.raises(ConfigError) as caught:
        read()
    text = str(caught.value)
    assert text.startswith(f"{folder / FILE_NAME}")
    return text.removeprefix(f"{folder / FILE_NAME}")


def test_without_a_file_everything_is_the_default(tmp_path: Path) -> None:
    assert settings(read_client_file(tmp_path)) == JoinSettings()


def test_its_options_count_unless_a_saved_server_or_the_command_line_says_otherwise(tmp_path: Path) -> None:
    file = written(tmp_path, CONTENT)

    assert settings(file).nick == "alice"
    assert settings(file).highlight == ("deploy", "printer")
    assert (settings(file, "work").nick, settings(file, "work").view) == ("ann", "screen")
    assert settings(file, "work", nick="bob").nick == "bob"
    assert file.address_of("work") == ("chat.example.org", 5556)
    assert file.address_of("home.net") == ("home.net", None)
    assert file.themes == {"mine": {"name-1": "#ff8800 bold"}}


@pytest.mark.parametrize(
    ("content", "server", "told"),
    [
        ("\nnick = 'a'\nvieww = 'screen'\n", "", ", line 3: vieww: there is no setting 'vieww'; did you mean view?"),
        ("bell = 'loud'\n", "", ", line 1: bell: expected true or false, got 'loud'"),
        ("typed_history = 3\n", "", ", line 1: typed-history: expected"),
        ("[servers.work]\nhost = 3\n", "work", ", line 2: host: expected a host name"),
        ("[servers.work]\n\nport = 70000\n", "work", ", line 3: port: expected a number from 1 to 65535"),
        ("servers.work.port = true\n", "work", ", line 1: port: expected a number"),
        ("[servers]\nwork = 'x'\n", "work", ", line 2: work: expected a table, [servers.work]"),
        ("[servers.'a b']\n", "", ", line 1: a b: a name has no blank"),
        ("servers = 1\n", "", ", line 1: servers: expected tables such as [servers.name]"),
        ("[servers.a]\ntls = 1\n[servers.work]\ntls = 1\n", "work", ", line 4: tls: expected true or false"),
        ("nick =\n", "", ": not valid TOML: Invalid value (at line 1, column 7)"),
        (
            "".join(f"[servers.s{number}]\n" for number in range(SERVERS_MAX + 1)),
            "",
            ": there are 201 servers; at most",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(tmp_path: Path, content: str, server: str, told: str) -> None:
    assert mistake(tmp_path, content, server).startswith(told)


@pytest.mark.timeout(10)  # against minutes, where each part of the line is tried with each other
@pytest.mark.parametrize("line", ["a" * 200_000, "[" + " " * 200_000])
def test_the_place_of_a_mistake_is_found_below_a_long_line(tmp_path: Path, line: str) -> None:
    content = f"[themes.mine]\nnew = '''\n{line}\n'''\n[servers.work]\nbell = 3\n"

    assert mistake(tmp_path, content, "work").startswith(", line 6: bell: expected true or false")


def test_a_mistake_for_another_server_does_not_matter(tmp_path: Path) -> None:
    file = written(tmp_path, "[servers.other]\ntls = 1\n")

    assert settings(file, "work") == JoinSettings()


def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).symlink_to("/dev/zero")

    with pytest.raises(ConfigError, match="larger than"):
        read_client_file(tmp_path)
