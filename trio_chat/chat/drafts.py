"""Drafts of what clients say and do: their texts are cleaned here, and their lengths checked."""

from collections.abc import Iterable, Sequence

import msgspec

from trio_chat.chat.addressee import Addressee
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MARK, Draft, Kind
from trio_chat.chat.room import Room
from trio_chat.chat.rooms import TOPIC_MAX
from trio_chat.chat.text import TEXT_MAX, clean, with_tabs_as_blanks
from trio_chat.chat.waiting import origin_digest


def draft_of(client: Client, room: Room, kind: Kind, text: str = "", key: str = "") -> Draft:
    """Make the draft of something that a client did in a room. In lines, the client is not sent it."""
    session = client.session if key else ""
    return Draft(room.name, kind, client.label, text, "", client.id, session, key, client.account)


def move_notice(client: Client, room: Room, kind: Kind) -> Draft:
    """Make the notice that a client joined or left this room, and not the chat."""
    return draft_of(client, room, kind, f"#{room.name}")


def entering_notice(client: Client, room: Room, former: str) -> Draft:
    """Make the notice that a place was a guest of this name up to now."""
    return Draft(room.name, Kind.RENAMED, former, client.label, "", client.id, account=client.account)


def spoken_drafts(
    client: Client, room: Room, kind: Kind, texts: Sequence[str], key: str, *, is_typed: bool
) -> list[Draft]:
    """Make one draft a line; the last one bears the key. None where nothing in any of them is readable.

    Where a client in lines did not type them itself, they name no client: it is sent them too. Raises ChatError for a
    text that is too long.
    """
    name, label, typed_by, account = room.name, client.label, client.id if is_typed else "", client.account
    drafts = [Draft(name, kind, label, line, "", typed_by, "", "", account) for line in readable_lines(texts)]
    if key and drafts:
        drafts[-1] = msgspec.structs.replace(drafts[-1], session=client.session, key=key)
    return drafts


def told_drafts(sender: Client, recipient: Addressee, text: str, key: str) -> list[Draft]:
    """Make the drafts of a private message, one for each mailbox. The last one bears the key: it acknowledges it.

    The one for a member says which guest told it, so that what waits can be counted by sender after a restart too.
    """
    parties = sender.label, text, recipient.label, sender.id
    accounts = sender.account, recipient.account
    by_guest = origin_digest(sender) if recipient.account and not sender.account else ""
    return [
        Draft(recipient.mailbox, Kind.TOLD, *parties, by_guest, "", *accounts),
        Draft(sender.mailbox_name, Kind.TOLD, *parties, sender.session if key else "", key, *accounts),
    ]


def topic_draft(client: Client, room: Room, text: str, key: str) -> Draft:
    """Make the draft of a topic. Raises ChatError where it is too long."""
    return draft_of(client, room, Kind.TOPIC, checked_topic(text), key)


def checked_topic(text: str) -> str:
    """Clean a topic, without the mark of proven names. Raises ChatError where it is too long."""
    if len(text) > TOPIC_MAX:
        raise ChatError("long-topic", f"a topic has at most {TOPIC_MAX} characters")
    return clean(text.replace(MARK, "")).strip()


def readable(text: str) -> str:
    """Clean a text that is to be said, and drop the mark of proven names. -> "" where nothing readable is left

    Raises ChatError where it is too long.
    """
    if len(text) > TEXT_MAX:
        raise ChatError("long-text", f"a line has at most {TEXT_MAX} characters")
    if MARK in text:  # at the beginning of a row of a terminal it could fake a proven name
        text = text.replace(MARK, "")  # before cleaning, since no joiner behind it is needed any more
    text = clean(with_tabs_as_blanks(text) if "\t" in text else text)
    return "" if text.isspace() else text


def readable_lines(texts: Iterable[str]) -> list[str]:
    """Clean the lines of what is to be said. Blank ones are kept as "", unless all are: then there are none.

    Raises ChatError where one is too long.
    """
    lines = list(map(readable, texts))
    return lines if any(lines) else []
