from ipaddress import ip_network
from pathlib import Path

import pytest

from trio_chat.config.setting_types import (
    BOOLEAN,
    RetentionLimit,
    Secret,
    SettingType,
    choice,
    duration,
    host,
    integer,
    networks,
    path,
    retention_limits,
    secret,
    size,
    text,
    text_list,
)

PORT = integer(0, 65535)
SIZE = size(1, 1024**4)
TIME = duration(0.1, 86400)
WORDS = text_list("WORD", "words")
LINE = text("TEXT", "a text")
HOST = host("ADDRESS", "an address")
PATH = path("FILE", "a file")
LEVEL = choice("LEVEL", "low", "high")
NETWORKS = networks("NETWORK")
TOKEN = secret(4, 8)
KEEP = retention_limits(duration(60, 86400 * 365), integer(1, 10**9))


@pytest.mark.parametrize(
    ("setting_type", "written", "value"),
    [
        (PORT, "0", 0),
        (PORT, "65535", 65535),
        (SIZE, "65536", 65536),
        (SIZE, "64KiB", 65536),
        (SIZE, "16 mib", 16 * 1024**2),
        (SIZE, "1GiB", 1024**3),
        (TIME, "30", 30.0),
        (TIME, "2.5s", 2.5),
        (TIME, "10m", 600.0),
        (TIME, "12h", 43200.0),
        (TIME, "1d", 86400.0),
        (BOOLEAN, "TRUE", True),
        (BOOLEAN, "0", False),
        (BOOLEAN, "off", False),
        (WORDS, "a, b c,,d", ("a", "b", "c", "d")),
        (LINE, "", ""),
        (HOST, "*", ""),
        (HOST, "::", ""),
        (HOST, "0.0.0.0", "0.0.0.0"),
        (HOST, "::1", "::1"),
        (PATH, "~/x", Path.home() / "x"),
        (LEVEL, "High", "high"),
        (NETWORKS, "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        (NETWORKS, "::ffff:10.1.2.0/120", (ip_network("10.1.2.0/24"),)),
        (TOKEN, "s3cret", Secret("s3cret")),
        (KEEP, "30d 1000", (RetentionLimit(older_than=30 * 86400), RetentionLimit(more_than=1000))),
        (KEEP, "90m", (RetentionLimit(older_than=5400),)),
    ],
)
def test_text_is_read_as_people_write_it(setting_type: SettingType, written: str, value: object) -> None:
    assert setting_type.read(written, is_toml=False) == value


@pytest.mark.parametrize(
    ("setting_type", "written"),
    [(PORT, text) for text in ("-1", "65536", "", "abc", "+1", "4_7", "４７", "047", "1e3", "1.0", " 5", "9" * 5000)]
    + [(SIZE, text) for text in ("0", "2TiB", "-1", "1.5MiB", "KiB", "1 M", "٤KiB", "2000GiB")]
    + [(TIME, text) for text in ("0", "nan", "inf", "-1s", "1e3", "2d", "5 weeks", "1.s")]
    + [(BOOLEAN, text) for text in ("", "maybe", "2")]
    + [(LINE, text) for text in ("a\nb", "\x1b[2J", "\0", "\udc80")]
    + [(PATH, text) for text in ("", "a\0b", "~nobody-is-called-this/x")]
    + [(LEVEL, text) for text in ("", "middle", "l")]
    + [(NETWORKS, text) for text in ("10.0.0.1/8", "10.0.0.0/33", "home", "10.0.0.0/8, x", "fe80::1%eth0")]
    + [(KEEP, text) for text in ("0", "30s", "-1", "1000 x", "٤", "9" * 12)]
    + [(TOKEN, text) for text in ("abc", "a" * 9, "a b c", "a\nbc", "schön")],
)
def test_a_value_out_of_range_or_of_another_form_is_refused(setting_type: SettingType, written: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        setting_type.read(written, is_toml=False)


@pytest.mark.parametrize(
    ("setting_type", "given", "value"),
    [
        (PORT, 8080, 8080),
        (SIZE, 65536, 65536),
        (SIZE, "64KiB", 65536),
        (TIME, 30, 30.0),
        (TIME, 0.5, 0.5),
        (TIME, "10m", 600.0),
        (BOOLEAN, False, False),
        (WORDS, ["a", "b c"], ("a", "b c")),
        (WORDS, [], ()),
        (KEEP, [1000, "30d"], (RetentionLimit(more_than=1000), RetentionLimit(older_than=30 * 86400))),
    ],
)
def test_toml_values_are_taken_as_what_they_are(setting_type: SettingType, given: object, value: object) -> None:
    assert setting_type.read(given, is_toml=True) == value


@pytest.mark.parametrize(
    ("setting_type", "given"),
    [
        (PORT, "8080"),
        (PORT, True),
        (PORT, 80.0),
        (BOOLEAN, 1),
        (BOOLEAN, "true"),
        (LINE, 5),
        (PATH, ["a"]),
        (WORDS, "a"),
        (WORDS, ["a", 1]),
        (TIME, float("nan")),
        (TIME, False),
    ],
)
def test_toml_values_of_another_type_are_refused(setting_type: SettingType, given: object) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        setting_type.read(given, is_toml=True)


@pytest.mark.parametrize("given", [10, "30d", [True]])
def test_that_toml_wants_an_array_is_said(given: object) -> None:
    with pytest.raises(ValueError, match=r"^expected in an array: a time from .*, or a whole number .*, got "):
        KEEP.read(given, is_toml=True)


@pytest.mark.parametrize(
    ("setting_type", "value", "shown"),
    [
        (SIZE, 16 * 1024**2, "16MiB"),
        (SIZE, 1000, "1000"),
        (TIME, 30.0, "30s"),
        (TIME, 0.1, "0.1s"),
        (TIME, 7200.0, "2h"),
        (BOOLEAN, True, "true"),
        (WORDS, ("a", "b"), "a, b"),
        (KEEP, (RetentionLimit(older_than=30 * 86400), RetentionLimit(more_than=1000)), "30d, 1000"),
    ],
)
def test_values_shown_in_the_documentation_can_be_parsed(setting_type: SettingType, value: object, shown: str) -> None:
    assert setting_type.show(value) == shown
    assert setting_type.read(shown, is_toml=False) == value


@pytest.mark.parametrize("written", ["abc", "much-too-long"])
def test_an_error_about_a_secret_does_not_show_it(written: str) -> None:
    with pytest.raises(ValueError, match=r"^expected 4 to 8 characters") as refused:
        TOKEN.read(written, is_toml=False)

    assert written not in str(refused.value)


def test_a_secret_is_not_in_its_own_description() -> None:
    assert "s3cret" not in f"{TOKEN.read('s3cret', is_toml=False)!s} {Secret('s3cret')!r}"
