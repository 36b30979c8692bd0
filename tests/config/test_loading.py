from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from trio_chat.config import (
    ConfigError,
    JoinSettings,
    ServeSettings,
    collect,
    load,
    settings_of,
    unknown_variable_warnings,
)
from trio_chat.config.loading import SettingMeta
from trio_chat.config.setting_types import BOOLEAN, Secret, integer, secret, text_list


class Some(msgspec.Struct, frozen=True):
    """Settings of each shape."""

    max_clients: Annotated[int, SettingMeta("How many.", integer(1, 100))] = 10
    quiet: Annotated[bool, SettingMeta("Say less.", BOOLEAN)] = False
    allow: Annotated[tuple[str, ...], SettingMeta("Who.", text_list("NETWORK", "networks"), "everyone")] = ()
    token: Annotated[Secret | None, SettingMeta("What opens it.", secret(4, 8), "none")] = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chat.toml"
    path.write_text('max-clients = 30\nallow = ["10.0.0.0/8"]\n')
    return path


def error_in(file: Path, content: str | bytes) -> str:
    """Load a file with this content; return what is said of it, without its name."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load(Some, {}, {}, file=file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{file}: ")


def test_a_flag_goes_over_a_variable_over_the_file_over_the_default(file: Path) -> None:
    variables = {"TRIO_CHAT_MAX_CLIENTS": "20"}

    assert load(Some, {"max_clients": "5"}, variables, file=file).max_clients == 5
    assert load(Some, {"max_clients": None}, variables, file=file).max_clients == 20
    assert load(Some, {}, {}, file=file).max_clients == 30
    assert load(Some, {}, {}).max_clients == 10


def test_a_flag_that_is_false_goes_over_a_variable_that_is_true() -> None:
    assert load(Some, {"quiet": False}, {"TRIO_CHAT_QUIET": "yes"}).quiet is False


def test_a_list_is_a_repeated_flag_a_variable_with_commas_or_an_array(file: Path) -> None:
    variables = {"TRIO_CHAT_ALLOW": "a,b c"}

    assert load(Some, {"allow": ("x", "y")}, variables, file=file).allow == ("x", "y")
    assert load(Some, {"allow": ()}, variables, file=file).allow == ("a", "b", "c")
    assert load(Some, {}, {}, file=file).allow == ("10.0.0.0/8",)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert load(Some, {}, {"TRIO_CHAT_MAX_CLIENTS": ""}).max_clients == 10


def test_a_key_may_be_written_with_underscores(file: Path) -> None:
    file.write_text("max_clients = 7")

    assert load(Some, {}, {}, file=file).max_clients == 7


def test_an_error_names_its_place_and_what_was_expected(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--max-clients: expected a whole number from 1 to 100, got 'many'$"):
        load(Some, {"max_clients": "many"}, {})
    with pytest.raises(ConfigError, match=r"^TRIO_CHAT_MAX_CLIENTS: expected a whole number from 1 to 100, got '0'$"):
        load(Some, {}, {"TRIO_CHAT_MAX_CLIENTS": "0"})
    assert error_in(file, "max-clients = 101") == "max-clients: expected a whole number from 1 to 100, got 101"
    assert error_in(file, 'max-clients = "5"') == "max-clients: expected a whole number from 1 to 100, got '5'"


def test_a_wrong_value_in_the_file_is_said_even_if_a_flag_goes_over_it(file: Path) -> None:
    file.write_text("max-clients = true")

    with pytest.raises(ConfigError, match=r"max-clients: expected"):
        load(Some, {"max_clients": "5"}, {}, file=file)


def test_an_unknown_key_is_named_with_the_one_that_may_be_meant(file: Path) -> None:
    assert error_in(file, "max-client = 5") == "there is no setting 'max-client'; did you mean max-clients?"
    assert error_in(file, "[tls]") == "there is no setting 'tls'; expected one of max-clients, quiet, allow, token"


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_may_be_meant() -> None:
    variables = {
        "TRIO_CHAT_PROT": "1",
        "trio_chat_nick": "alice",
        "TRIO_CHAT_FROBNICATE": "1",
        "TRIO_CHAT_HSOT": "",
        "TRIO_CHAT_CONFIG": "chat.toml",
        "TRIO_CHAT_PORT": "5555",
        "TRIO_CHAT_NICK": "bob",
        "PROT": "1",
    }

    assert unknown_variable_warnings(variables) == [
        "'TRIO_CHAT_FROBNICATE' is ignored: there is no such setting",
        "'TRIO_CHAT_PROT' is ignored: there is no such setting; did you mean TRIO_CHAT_PORT?",
        "'trio_chat_nick' is ignored: there is no such setting; did you mean TRIO_CHAT_NICK?",
    ]


def test_a_file_that_cannot_be_used_is_one_line_that_names_it(file: Path) -> None:
    assert error_in(file, "max-clients = ").startswith("not valid TOML: ")
    assert error_in(file, f"max-clients = {'9' * 5000}").startswith("not valid TOML: ")
    assert error_in(file, f"max-clients = {'[' * 20_000}").startswith("not valid TOML: ")
    assert error_in(file, b"\xff") == "not UTF-8 at byte 0"
    assert error_in(file, "rate = 7".encode("utf-16")) == "not UTF-8, but UTF-16: save it as UTF-8"
    with pytest.raises(ConfigError, match=r": cannot be read: No such file or directory$"):
        load(Some, {}, {}, file=file.with_name("missing.toml"))
    with pytest.raises(ConfigError, match=r": cannot be read: Is a directory$"):
        load(Some, {}, {}, file=file.parent)


def test_a_file_may_begin_with_the_mark_that_windows_writes(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfmax-clients = 30\n")

    assert load(Some, {}, {}, file=file).max_clients == 30


def test_collected_settings_have_all_errors_and_the_source_of_each_value(file: Path) -> None:
    file.write_text('max-clients = 30\nquite = true\nallow = "all"\ntoken = "secret"\n')
    variables = {"TRIO_CHAT_QUIET": "perhaps"}

    found = collect(Some, {"max_clients": "20"}, variables, file=file)

    assert found.errors == [
        f"{file}: there is no setting 'quite'; did you mean quiet?",
        "TRIO_CHAT_QUIET: expected true or false, got 'perhaps'",
        f"{file}: allow: expected in an array: networks, got 'all'",
    ]
    shown = {setting.name: setting.show for setting in settings_of(Some)}
    assert [(name, shown[name](one.value), one.source) for name, one in found.values.items()] == [
        ("max_clients", "20", "--max-clients"),
        ("token", "(secret)", f"{file}: token"),
    ]


@pytest.mark.parametrize("struct", [ServeSettings, JoinSettings])
def test_each_default_is_a_value_that_the_setting_would_take(struct: type[ServeSettings | JoinSettings]) -> None:
    defaults = struct()

    for setting in settings_of(struct):
        value = getattr(defaults, setting.name)
        assert value is None or setting.read(setting.type.show(value), setting.name) == value
