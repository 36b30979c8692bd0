"""The callbacks by which a view decides about the prompt of its terminal."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from trio_chat.client.transcript.transcript import PROMPT


class PromptView(Struct, frozen=True):
    """Callbacks for drawing the prompt and for keys. None of them may wait."""

    prompt: Callable[[int], str] = lambda _columns: PROMPT
    """Returns the prompt, for a number of columns."""
    waiting_rows: Callable[[int], Sequence[str]] = lambda _columns: ()
    """Returns the rows above the prompt, for a number of columns: lines that were typed and are not kept yet."""
    question_about: Callable[[str], str] = lambda _draft: ""
    """Returns the question to ask before a draft is sent; empty where there is none."""
    secret_questions: Callable[[str], Sequence[str]] = lambda _draft: ()
    """Returns the questions for the secret that a command lacks, which is typed unseen: two ask for it twice."""
    stop_paste: Callable[[], bool] = lambda: False
    """Takes back what is being sent. -> whether there was anything"""
    refuse: Callable[[str], None] = lambda _reason: None
    """Tells the person why a key was not obeyed."""

    typed_before: Sequence[str] = ()
    """The lines typed in earlier sittings, oldest first."""


PLAIN_PROMPT = PromptView()
