import errno
import os
import tomllib
from pathlib import Path

import pytest
from wcwidth import wcswidth

from trio_chat.chat.text import clean
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.load import default_path, load_catalogue
from trio_chat.stickers.regular_file import SIZE_MAX_BYTES

CLASSIC = {
    "smile": "🙂",
    "frown": "☹",
    "sweat": "😅",
    "wink": "😉",
    "kiss": "😙",
    "hug": "🤗",
    "neutral": "😐",
    "monkey": "🙉",
}


def the_one_warning_about(path: Path) -> str:
    """Load `path`; the default catalogue must work all the same."""
    catalogue, warnings = load_catalogue(path)
    assert catalogue.draw("@smile").line == "🙂"
    assert len(warnings) == 1
    return warnings[0].removeprefix(str(path))


def test_the_shipped_catalogue_is_wholly_valid() -> None:
    catalogue, warnings = load_catalogue()

    assert warnings == []
    assert len([s for s in catalogue.stickers.values() if isinstance(s, Text)]) >= 48
    assert len([s for s in catalogue.stickers.values() if isinstance(s, Art)]) >= 8


@pytest.mark.parametrize(("name", "text"), CLASSIC.items())
def test_the_shipped_catalogue_has_the_classic_stickers(name: str, text: str) -> None:
    catalogue, _ = load_catalogue()

    assert catalogue.find(name) == Text(text)


def test_cleaning_changes_nothing_in_the_shipped_catalogue() -> None:
    tables = tomllib.loads(default_path().read_text(encoding="utf-8"))

    for table in tables.values():
        for name, value in table.items():
            shown = value["shows"] if isinstance(value, dict) else value
            assert all(row == clean(row) for row in map(str.strip, shown.split("\n"))), name


def test_shipped_arts_stay_small_and_shipped_texts_narrow() -> None:
    catalogue, _ = load_catalogue()

    drawn = {name: sticker.render(name) for name, sticker in catalogue.stickers.items()}

    assert max(len(look.below) for look in drawn.values()) <= 12
    assert max(wcswidth(row) for look in drawn.values() for row in look.below) <= 60
    assert max(wcswidth(look.line) for look in drawn.values()) <= 20


def test_a_file_adds_to_the_default_and_wins(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[text]\nmoon = "🌙"\nsmile = ":-)"\n', encoding="utf-8-sig")

    catalogue, warnings = load_catalogue(mine)

    assert warnings == []
    assert catalogue.draw("@moon @smile @wink").line == "🌙 :-) 😉"


def test_m10_a_malformed_file_costs_one_line_with_its_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[text]\nsmile = oops\n")

    assert the_one_warning_about(mine).startswith(":2: ")


def test_m10_a_bad_sticker_in_a_file_costs_that_sticker(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[text]\nmoon = '🌙'\nbad = 3\n", encoding="utf-8")

    catalogue, warnings = load_catalogue(mine)

    assert catalogue.draw("@moon @bad").line == "🌙 @bad"
    assert "mine.toml: text.bad: " in warnings[0]


def test_m10_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    assert "not a regular file" in the_one_warning_about(fifo)


def test_m10_a_folder_a_device_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert os.strerror(errno.EISDIR) in the_one_warning_about(tmp_path)
    assert "not a regular file" in the_one_warning_about(Path("/dev/zero"))
    assert os.strerror(errno.ENOENT) in the_one_warning_about(tmp_path / "missing.toml")
    assert os.strerror(errno.ENAMETOOLONG) in the_one_warning_about(tmp_path / ("x" * 300))


def test_refused_files_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")

    the_one_warning_about(tmp_path)
    the_one_warning_about(Path("/dev/zero"))

    assert os.listdir("/proc/self/fd") == before


def test_m10_a_file_of_a_mebibyte_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(b"#" * SIZE_MAX_BYTES)

    assert load_catalogue(mine)[1] == []

    mine.write_bytes(b"#" * (SIZE_MAX_BYTES + 1))

    assert "1 MiB" in the_one_warning_about(mine)


def test_a_file_that_is_not_utf_8_is_refused_with_the_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(b"[text]\nsmile = '\xff'\n")

    assert "UTF-8 at byte 16" in the_one_warning_about(mine)


def test_a_strange_file_name_cannot_drive_the_terminal(tmp_path: Path) -> None:
    _, warnings = load_catalogue(tmp_path / os.fsdecode(b"\x1b[31m\n\xff"))

    assert len(warnings) == 1
    assert not set("\x1b\n") & set(warnings[0])
    assert warnings[0].encode()
