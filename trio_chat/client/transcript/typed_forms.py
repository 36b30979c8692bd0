"""The typed forms of messages and commands: drafts that send a message again, and `/reply` with its recipient. Pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from trio_chat.chat.command_table import argument_in, command_in
from trio_chat.chat.typed_line import read_line
from trio_chat.client.link.events import Message, lines_of
from trio_chat.client.transcript.input import COMMANDS, LINE_MAX
from trio_chat.wire import frames


def typed_form(message: Message) -> str:
    """Return the line that one types to send a message."""
    match message:
        case frames.Say(lines=[]):
            text = message.text or ""
            return f"/{text}" if read_line(text).command else text
        case frames.Say(lines=lines):
            return "\n".join(lines)
        case frames.Act(text=text):
            return f"/me {text}"
        case frames.Tell(to=to, text=text):
            return f"/msg {to} {text}"
        case frames.Topic(text=text):
            return f"/topic {text}"


def drafts_of(messages: Iterable[Message]) -> Iterator[tuple[list[Message], str]]:
    """Yield messages with the draft that sends them again: one for texts in a row in one room, else one each."""
    for text_room, group in groupby(messages, lambda it: it.room if isinstance(it, frames.Say) else None):
        some = list(group)
        lines = [line for message in some for line in lines_of(message)]
        if text_room is not None and len(lines) > 1:
            yield some, "\n".join(lines)
        else:
            yield from (([message], typed_form(message)) for message in some)


def expand_reply(line: str, writer: str) -> str:
    """Expand `/reply` to `/msg` with the name of the `writer`, if there is one."""
    if len(line) > LINE_MAX:
        return line
    typed = read_line(line)
    command, text = command_in(typed, COMMANDS), argument_in(typed)
    if command is None or command.name != "reply" or not writer or not text:
        return line
    return f"/msg {writer} {text}"
