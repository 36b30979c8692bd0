"""The stickers that a server shares, for clients in frames and in lines."""

import json
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.test_frames import Frames
from tests.stickers.pictures import BLUE, RED, picture_of

HOUSE = """
[text]
standup = "☀"
[image]
boss = { shows = "boss.png", alt = "the boss" }
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "boss.png").write_bytes(picture_of(RED))
    (tmp_path / "house.toml").write_text(HOUSE, encoding="utf-8")
    return tmp_path / "house.toml"


def test_a_client_in_frames_gets_the_stickers_their_pictures_and_the_news_of_a_change(
    start: Callable[..., Any], house: Path
) -> None:
    bob = Frames.enter(start("--stickers", str(house)))

    bob.send(type="stickers", key="1")
    listed = bob.until("stickerlist")
    assert (listed["key"], listed["hash"]) == ("1", bob.welcome["stickers"])
    assert [(it["name"], it["kind"]) for it in listed["stickers"]] == [("standup", "text"), ("boss", "image")]
    as_json = json.dumps(listed["stickers"], ensure_ascii=False, separators=(",", ":"))
    assert sha256(as_json.encode()).hexdigest() == listed["hash"]
    picture = listed["stickers"][1]["shows"]
    bob.send(type="picture", name=picture, key="2")
    sent = bob.until("stickerpicture")
    assert b64decode(sent["data"]) == picture_of(RED)
    assert sha256(picture_of(RED)).hexdigest() + ".png" == picture == sent["name"]
    bob.send(type="picture", name="../house.toml", key="3")
    assert bob.until("error")["code"] == "no-picture"

    (house.parent / "boss.png").write_bytes(picture_of(BLUE, size=(5, 5)))
    house.write_text(HOUSE + "\n", encoding="utf-8")
    assert bob.until("stickernews")["hash"] not in ("", bob.welcome["stickers"])


def test_a_plain_client_lists_the_stickers_of_the_server(start: Callable[..., Any], house: Path) -> None:
    ann = start("--stickers", str(house)).connect(b"/stickers\n")

    assert ann.line() == "Stickers of this server: say @NAME, and clients that know it draw it."
    assert ann.line() == "@standup ☀"
    assert ann.line() == "Drawn below the line: @boss"


def test_a_server_without_stickers_says_so(start: Callable[..., Any]) -> None:
    ann = start().connect(b"/stickers\n")

    assert ann.line() == "*** this server has no stickers of its own; clients draw theirs, such as @smile ***"
