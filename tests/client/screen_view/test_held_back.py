"""Lines that are typed behind a command that a password belongs to, before the server has answered."""

from pathlib import Path

from tests.client.screen_view.conftest import CTRL_C, OpenStage, Stage

SECRET = "hunter2hunter2"
ONE_MOMENT = "one moment (Ctrl-C goes on):"
HELD_BACK = "not sent yet: it was typed before the server had answered"


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def log_in(stage: Stage, keys: str) -> None:
    """Log in by a key, which takes the server a while."""
    assert stage.signer
    await stage.signer.make_key()
    stage.type(f"/login stran\r{keys}")
    await stage.peer.challenge()


async def test_a_password_typed_ahead_is_the_answer_once_a_key_was_refused(stage_at: OpenStage, tmp_path: Path) -> None:
    async with stage_at() as stage:
        await log_in(stage, f"{SECRET}\rhel")  # in one burst
        await stage.shows_somewhere(ONE_MOMENT)
        stage.type("lo")
        await stage.peer.refuse_key()
        asked = await stage.asked("command")
        await stage.peer.send(type="output", lines=["wrong password"], key=asked["key"])
        await stage.shows_somewhere("that is not yours", "wrong password", "> hello")

        assert asked["line"] == f"/login stran {SECRET}"
        assert SECRET.encode() not in stage.screen.received
        await stage.leave()  # and nothing else was sent
    assert SECRET.encode() not in contents(tmp_path)


async def test_a_line_typed_before_a_slow_answer_comes_back_into_the_draft_unless_there_is_a_question(
    stage_at: OpenStage,
) -> None:
    async with stage_at() as stage:
        stage.type("/lgoin stran\rone\r")  # mistyped, which the client answers itself
        await stage.shows_somewhere("unknown command /lgoin", HELD_BACK, "> one")
        stage.type("\x15/register secret\rtwo\rthr")
        asked = await stage.asked("command")
        await stage.shows_somewhere(f"{ONE_MOMENT} •••")
        await stage.peer.send(type="output", lines=["you have a name already"], key=asked["key"])
        await stage.shows_somewhere("you have a name already", HELD_BACK, "> two", "  thr")
        stage.type("\x15/password secret\rdropped\r")
        asked = await stage.asked("command")
        await stage.shows_somewhere(ONE_MOMENT)
        stage.type(CTRL_C)
        await stage.shows_somewhere("dropped: what you typed before the server had answered")
        stage.type("four\r")

        assert (await stage.keep())["text"] == "four"
        await stage.peer.send(type="output", lines=["done"], key=asked["key"])
        await stage.shows_somewhere("done")


async def test_a_log_in_by_a_key_that_works_asks_nothing(stage_at: OpenStage) -> None:
    async with stage_at() as stage:
        await log_in(stage, "hello\r")
        you = {"id": "c1", "label": "stran", "address": "1.2.3.4:5", "account": "9f" * 8}
        await stage.peer.enter({}, you=you)
        await stage.shows_somewhere("> hello", HELD_BACK)
