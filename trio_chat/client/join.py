"""`trio-chat join`: opens everything that a chat needs, and the view that shows it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from trio_chat.chat.events import LOBBY
from trio_chat.client.conversation.app import ChatApp
from trio_chat.client.conversation.sticker_keeper import StickerKeeper
from trio_chat.client.conversation.surface import print_error
from trio_chat.client.link.address import Address, LinkError
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import open_outbox
from trio_chat.client.link.signing import signer_for
from trio_chat.client.memory.memory import open_memory
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.client.startup_terminal import is_dumb, why_no_screen
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.config import state_folder
from trio_chat.exception_groups import leaf_exceptions
from trio_chat.stickers.load import load_layers


def join(
    address: Address,
    identity: Identity,
    options: ViewOptions = PLAIN,
    *,
    is_once: bool = False,
    folder: Path | None = None,
    on_left: Callable[[str], None] = lambda _nick: None,
) -> int:
    """Chat until the person leaves or the server turns them away; if `is_once`, until the connection is lost.

    Without rooms, it is in those of last time, or in the lobby. `folder` is the client's state folder, if not the
    default one. `on_left` is called where all went well, with the last name that the server accepted; empty for an
    address. -> exit status. The reason of one other than 0 is on stderr, unless that is a signal or a closed stdout.
    """
    identity = replace(identity, needs_nick=not os.isatty(0))  # a person can choose another, a script cannot
    layers, warnings = load_layers(options.stickers)
    transcript = Transcript(layers.all, words=options.words)
    shared = (folder or state_folder()) / "stickers"
    for warning in warnings:
        print_error(warning)
    memory = open_memory(
        str(address), remembers_rooms=options.remembers_rooms, remembers_lines=options.remembers_lines, folder=folder
    )
    identity = replace(
        identity,
        nick=identity.nick or memory.remembered.name or None,
        owns_nick=bool(memory.remembered.name) and identity.nick in (None, memory.remembered.name),
        rooms=identity.rooms or memory.remembered.rooms or (LOBBY,),
        wants_remembered=options.remembers_rooms and not identity.rooms,
    )
    outboxes = folder / "outbox" if folder else None
    with _errors_printed(), open_outbox(str(address), identity.nick or "", folder=outboxes) as outbox:
        for warning in filter(None, (outbox.warning, *memory.warnings)):
            print_error(warning)
        make_view, run_view = _choose_view(options)
        view = make_view(
            transcript,
            address,
            identity,
            outbox,
            options=options,
            backoff=Backoff(is_once=is_once),
            memory=memory,
            signer=signer_for(options.key, folder),
            stickers=StickerKeeper(transcript, layers, own_file=options.stickers, folder=shared),
        )
        status = run_view(view)
        if status == 0:
            on_left(view.nick)
        return status
    return 1


@contextmanager
def _errors_printed() -> Iterator[None]:
    """Print the error that ends a client on stderr, in place of raising it."""
    try:
        yield
    except* LinkError as errors:
        error = leaf_exceptions(errors)[0]
        for text in (*getattr(error, "__notes__", ()), str(error)):
            print_error(text)
    except* BrokenPipeError:  # the reader of our output is gone, as with `head`
        pass
    except* OSError as errors:
        print_error(f"cannot read or print any more: {leaf_exceptions(errors)[0]}")


def _choose_view(options: ViewOptions) -> tuple[type[ChatApp], Callable[[Any], int]]:
    """Return the view that is wanted, or else the line view, and the function that runs it."""
    if options.view != "lines" and os.isatty(0) and os.isatty(1):
        if not (why_not := why_no_screen(os.environ, is_wanted=options.view == "screen")):
            from trio_chat.client.screen_view.app import ScreenView, run_screen_view

            return ScreenView, run_screen_view
        if options.view or not is_dumb():  # nobody expects anything else of a dumb one
            print_error(f"{why_not}: this is the line view")
    from trio_chat.client.line_view.app import LineView, run_line_view

    return LineView, run_line_view
