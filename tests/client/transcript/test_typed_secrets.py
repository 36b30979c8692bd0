"""Passwords in typed lines."""

import pytest

from trio_chat.client.transcript.input import COMMANDS
from trio_chat.client.transcript.typed_secrets import command_lacking_secret, may_be_stored, without_secret

SECRET = "correct horse"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_that_a_password_is_asked_for_where_it_is(name: str) -> None:
    is_asked = bool(command_lacking_secret(f"/{name} alice")) or bool(command_lacking_secret(f"/{name}"))

    assert ("asked for" in COMMANDS[name].help) == is_asked


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"/login alice {SECRET}", "/login alice ••••"),
        (f"/LOGIN alice {SECRET}", "/login alice ••••"),
        (f"  /login  alice  {SECRET}", "/login alice ••••"),
        (f"/register {SECRET}", "/register ••••"),
        (f"/password {SECRET}", "/password ••••"),
        (f"/invite {SECRET}", "/invite ••••"),
        (f"/logn alice {SECRET}", "/logn ••••"),
        (f"/identify {SECRET}", "/identify ••••"),
        (f"\x1bOA/login alice {SECRET}", "/login alice ••••"),
        (f"\x01x/login alice {SECRET}", "\x01x/login ••••"),
        ("/login alice", "/login alice"),
        ("/register", "/register"),
        ("/msg bob login alice", "/msg bob login alice"),
        ("/nick bob", "/nick bob"),
        ("hello /login alice", "hello /login alice"),
    ],
)
def test_a_password_in_a_typed_line_is_never_shown_or_kept(line: str, shown: str) -> None:
    assert without_secret(line) == shown
    if SECRET in line and line.isprintable():
        assert not may_be_stored(line)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/login alice", "login"),
        ("/LOGIN alice", "login"),
        ("/password", "password"),
        ("/login alice pw", ""),
        ("/login", ""),
        ("/password pw", ""),
        ("/register", ""),
        ("login alice", ""),
        ("/login alice\nhi", ""),
    ],
)
def test_a_command_that_lacks_its_password_asks_for_it(line: str, wanted: str) -> None:
    assert command_lacking_secret(line) == wanted
