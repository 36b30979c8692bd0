"""The first bytes of a server: refusals, and notices that refuse nobody."""

import pytest

from tests.wire.test_lines import DRAFTS
from trio_chat.chat.events import Kind
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.wording import notice, topic_changes
from trio_chat.client.link.greeting import refusal_in

SUMS = (
    "12 joined and 3 left",
    "1 was kicked",
    "2 were kicked",
    "2 took another name",
    topic_changes(1),
    topic_changes(56),
)
"""Texts of the kind CROWD."""


@pytest.mark.parametrize("kind", Kind)
def test_no_entry_of_any_kind_is_taken_for_a_refusal(kind: Kind) -> None:
    line, _ = DRAFTS[kind]

    assert refusal_in(f"{line}\n".encode()) == "", f"add words of {line!r} to _TO_THOSE_INSIDE, in greeting.py"


@pytest.mark.parametrize("text", SUMS)
def test_no_sum_of_notices_is_taken_for_a_refusal(text: str) -> None:
    assert refusal_in(f"{notice(text)}\n".encode()) == ""


@pytest.mark.parametrize("text", ["the server is full", *(it.text for it in CloseReason)])
def test_any_other_notice_is_a_refusal(text: str) -> None:
    assert refusal_in(f"{notice(text)}\n".encode()) == text
