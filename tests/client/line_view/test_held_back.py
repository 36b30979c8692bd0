"""Lines that are typed behind a command that a password belongs to, before the server has answered."""

from pathlib import Path
from typing import Any

from tests.client.line_view.conftest import AT_PROMPT
from trio_chat.client.link.signing import OwnKey

SECRET = "hunter2hunter2"
ONE_MOMENT = "one moment (Ctrl-C goes on):"


def test_a_password_typed_ahead_is_never_said_and_what_no_question_wants_comes_back(play: Any, tmp_path: Path) -> None:
    signer = OwnKey(tmp_path / "key")

    async def scene(peer: Any, screen: Any) -> None:
        await signer.make_key()
        screen.type(f"/login stran\r{SECRET}\rhel")  # in one burst
        await peer.challenge()
        await screen.shows(ONE_MOMENT)
        screen.type("lo")
        await peer.refuse_key()
        asked = await peer.frame()
        assert asked["line"] == f"/login stran {SECRET}"
        await peer.send(type="output", lines=["wrong password"], key=asked["key"])
        await screen.shows("wrong password", f"{AT_PROMPT} hello")
        screen.type("\x15/lgoin stran\rone\r")
        await screen.shows(f"{AT_PROMPT} one")
        screen.type("\x15/password secret\rdropped\r")
        asked = await peer.frame()
        await screen.shows(ONE_MOMENT)
        screen.type("\x03four\r")
        said = await peer.frame()
        assert said["text"] == "four"
        await peer.tell(1, "four", key=said["key"], author="1.2.3.4:5")
        await screen.shows("[1.2.3.4:5]> four", AT_PROMPT)
        screen.type("\x04")
        await peer.send(type="output", lines=[], key=asked["key"])
        await peer.part()

    assert play(scene, signer=signer) == 0
