"""The commands of the chat: a row of the table and a function each.

A command returns an answer (`answers.py`); it does not wait and prints nothing. Lines, frames, our client, `/help` and
the documentation are bound to the table: a new command is a row and a function here, and a row of EXAMPLES in its test.
To say something in the room, return `call.say(text)` or `call.act(text)`; to answer who typed it, a `TextReply`.
A notice in words of its own, as `/topic` posts it, is another kind of entry: `Kind`, in `events.py`.
A command that says something has a `request`, which our client sends: `client/transcript/input.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from trio_chat.chat.answers import (
    Answer,
    HistoryQuery,
    LeaveChat,
    MentionsQuery,
    NameRequest,
    Posted,
    RequestedOfNames,
    SearchQuery,
    TextReply,
)
from trio_chat.chat.command_table import Command, Effect, argument_in, command_in, parse, refuse_hidden, table_of
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, MAILBOX_MARK, Receipt
from trio_chat.chat.history_argument import conversation_in, lines_wanted, mentions_wanted, range_wanted
from trio_chat.chat.nicks import bare_name, check_room, name_of_guest
from trio_chat.chat.prices import (
    BOTH_MAILBOXES,
    EACH_LINE,
    EACH_MOVE,
    EACH_ROOM,
    LINE,
    LIST,
    PAST,
    PROOF,
    Extent,
    Price,
)
from trio_chat.chat.search_query import FILTERS, read_search
from trio_chat.chat.text import clean, with_tabs_as_blanks
from trio_chat.chat.typed_line import TypedLine, may_hide_command, read_line
from trio_chat.chat.wording import (
    HISTORY_DEFAULT,
    HISTORY_MAX,
    IN_LOBBY_ALREADY,
    NO_STICKERS,
    NOTHING_READABLE,
    ROOMS_MAX,
    SEARCH_MAX,
    WHO_MAX,
    guest_you_are,
    help_rows,
    notice,
    rooms_there_are,
    told_to,
    topic_of,
    topic_wanted,
    waits_for,
    waits_for_member,
    where_you_are,
    who_is_here,
    who_you_are,
)

if TYPE_CHECKING:  # our client reads the table, and should not load the rules of the server for that
    from trio_chat.chat.chat import Chat
    from trio_chat.chat.client import Client
    from trio_chat.chat.room import Room


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was typed. `limit` is that of its row."""

    chat: "Chat"
    client: "Client"
    argument: str
    limit: int
    typed_in: "Room | None" = None
    """The room in which a client that is in several typed it."""

    @property
    def room(self) -> "Room":
        """The room in which it was typed. Raises ChatError where the client is in none."""
        return self.typed_in or self.chat.current_room(self.client)

    def say(self, text: str) -> Answer:
        """Say a line in the room. Its author is sent it too, unless it is exactly the argument that they typed."""
        return _posted(self.chat.say(self.client, self.room, text, is_typed=text == self.argument))

    def act(self, text: str) -> Answer:
        """Say what the client does, as in `* [alice] waves`, where `text` is `waves`. The same people are sent it."""
        receipt = self.chat.act(self.client, self.room, text, is_typed=text == self.argument)
        if receipt is None:
            raise ChatError("usage", NOTHING_READABLE)
        return Posted(receipt)


def price_of(client: "Client", typed: TypedLine) -> int:
    """Return the price of a typed line. Joining a room means leaving the others."""
    command = command_in(typed, COMMANDS)
    if command is None:
        return 1
    rooms = len(client.members)
    return command.price.of(Extent(rooms=rooms, moves=1 + rooms, entries=_entries_wanted(command, typed)))


def _entries_wanted(command: "Command[CommandFunction]", typed: TypedLine) -> int:
    try:
        return lines_wanted(conversation_in(argument_in(typed))[1], command.limit)
    except ChatError:
        return 0


def asks(typed: TypedLine) -> bool:
    """Tell whether the answer to a line depends on lines before it."""
    command = command_in(typed, COMMANDS)
    if command is None:
        return False
    is_question = command.effect in (Effect.ASKS, Effect.CHANGES)
    return is_question or (command.asks_when_bare and not argument_in(typed))


def says(typed: TypedLine) -> bool:
    """Tell whether a line is a command that says something in the room: its author may be sent the entry too."""
    command = command_in(typed, COMMANDS)
    return command is not None and command.effect is Effect.SAYS


def nick_in(typed: TypedLine) -> str:
    """Return the nick that a line takes; "" where it takes none."""
    command = command_in(typed, COMMANDS)
    return argument_in(typed) if command is not None and command.name == "nick" else ""


def execute(
    chat: "Chat", client: "Client", line: str, *, typed: TypedLine | None = None, blank_lines: int = 0
) -> Answer:
    """Execute a typed line, which is `typed` where it was classified before. `blank_lines` are said before a text.

    Raises ChatError with a sentence for the one who typed it.
    """
    typed = typed or read_line(line)
    if may_hide_command(line, typed):
        refuse_hidden(line, COMMANDS.values())
    if typed.is_quit:
        return LeaveChat()
    if not typed.command:
        lines = (*[""] * blank_lines, typed.text) if blank_lines else (typed.text,)
        return _posted(chat.say(client, chat.current_room(client), *lines))
    command, argument = parse(typed.command, COMMANDS)
    return command.run(Call(chat, client, argument, command.limit))


def run_for_program(chat: "Chat", client: "Client", line: str, room: "Room") -> Answer:
    """Run a command in a room for a program, which has its own requests for most. Raises ChatError like `execute`."""
    typed = read_line(line)
    if not typed.command:
        raise ChatError("usage", "a command begins with /")
    command, argument = parse(typed.command, COMMANDS)
    if command.request:
        raise ChatError("usage", f"/{command.name} has a request of its own: {command.request}")
    return command.run(Call(chat, client, argument, command.limit, room))


def _posted(receipt: Receipt | None) -> Answer:
    return Posted(receipt) if receipt else TextReply()


def _notice(text: str) -> TextReply:
    return TextReply((notice(text),))


def _help(_call: Call) -> Answer:
    return TextReply(tuple(help_rows([(command.title, command.help) for command in COMMANDS.values()])))


def _who(call: Call) -> Answer:
    labels = ((it.shown, it.person == call.client.person) for it in call.chat.directory.people_in(call.room))
    return _notice(who_is_here(call.room.name, call.chat.directory.headcount(call.room), labels, limit=call.limit))


def _nick(call: Call) -> Answer:
    if not call.argument:
        raise ChatError("usage", who_you_are(call.client.shown))
    receipt = call.chat.rename(call.client, call.argument)
    # The new nick is in force from now on; the notice is for others.
    label = call.client.label
    is_guest = call.chat.rules.names == "claimed" and not call.client.account
    answer = _notice(guest_you_are(label, name_of_guest(label)) if is_guest else f"you are [{call.client.shown}] now")
    return Posted(receipt, answer.lines) if receipt else answer


def _me(call: Call) -> Answer:
    return call.act(call.argument)


def _msg(call: Call) -> Answer:
    label, text = call.argument.split(maxsplit=1)
    other = call.chat.directory.addressee(bare_name(label))
    receipt = call.chat.tell(call.client, other.label, text.strip())
    if receipt is None:
        raise ChatError("usage", NOTHING_READABLE)
    confirmation = [notice(told_to(other.shown, clean(with_tabs_as_blanks(text)).strip()))]
    if other.is_away_member:
        confirmation.append(notice(waits_for_member(other.shown)))
    elif other.client and (absence := call.chat.absence_of(other.client)):
        confirmation.append(notice(waits_for(other.shown, *absence)))
    return Posted(receipt, confirmation=tuple(confirmation))


def _join(call: Call) -> Answer:
    return _go(call, call.argument)


def _leave(call: Call) -> Answer:
    if call.argument and (room := check_room(call.argument)) != call.room.name:
        raise ChatError("not-in-room", f"you are not in #{room}")
    if call.room.name == LOBBY:
        raise ChatError("usage", IN_LOBBY_ALREADY)
    return _go(call, LOBBY, for_good=True)


def _go(call: Call, name: str, *, for_good: bool = False) -> Answer:
    room = call.chat.switch(call.client, name, for_good=for_good)
    return _notice(where_you_are(room.name, room.topic))


def _rooms(call: Call) -> Answer:
    rooms = call.chat.rooms
    largest = [(room.name, call.chat.directory.headcount(room), room.topic) for room in rooms.largest(call.limit)]
    return TextReply(tuple(rooms_there_are(largest, len(rooms), limit=call.limit)))


def _stickers(call: Call) -> Answer:
    return TextReply(call.chat.sticker_lines or (notice(NO_STICKERS),))


def _topic(call: Call) -> Answer:
    if call.argument:
        return Posted(call.chat.set_topic(call.client, call.room, topic_wanted(call.argument)))
    return _notice(topic_of(call.room.name, call.room.topic))


def _history(call: Call) -> Answer:
    room, argument = conversation_in(call.argument)
    wanted = range_wanted(argument, call.limit, call.chat.time)
    return HistoryQuery(room or call.room.name, wanted.limit, wanted.bounds)


def _search(call: Call) -> Answer:
    terms = read_search(call.argument, call.chat.time)
    rooms = [
        name if name.startswith(MAILBOX_MARK) else call.chat.room_of(call.client, name).name for name in terms.rooms
    ]
    return SearchQuery(tuple(rooms or [call.room.name]), terms, call.limit)


def _with_secret(what: RequestedOfNames) -> "CommandFunction":
    return lambda call: NameRequest(what, secret=call.argument)


def _login(call: Call) -> Answer:
    name, *secret = call.argument.split(maxsplit=1)
    return NameRequest("login", name, *secret)


def _keys(_call: Call) -> Answer:
    return NameRequest("keys")


def _key(call: Call) -> Answer:
    match call.argument.split(maxsplit=1):
        case ["add", key]:
            return NameRequest("key-add", text=key)
        case ["remove", which]:
            return NameRequest("key-remove", text=which)
    raise ChatError("usage", "/key add SSH-PUBLIC-KEY, or /key remove FINGERPRINT: /keys shows them")


def _whois(call: Call) -> Answer:
    return NameRequest("whois", bare_name(call.argument))


def _mentions(call: Call) -> Answer:
    return MentionsQuery(mentions_wanted(call.argument, call.limit))


def _quit(_call: Call) -> Answer:
    return LeaveChat()


CommandFunction = Callable[[Call], Answer]

MENTIONS_MAX = 50

COMMANDS: Mapping[str, Command[CommandFunction]] = table_of(
    (
        Command(
            "help",
            "",
            "list the commands",
            _help,
            Effect.ASKS,
            synonyms=("h", "?", "commands"),
        ),
        Command(
            "who",
            "",
            "show who is here",
            _who,
            Effect.ASKS,
            price=LIST,
            limit=WHO_MAX,
            request="who",
            synonyms=("names", "users", "w", "here"),
        ),
        Command(
            "nick",
            "NAME",
            "take a name: letters, digits, - and _, at most 24",
            _nick,
            Effect.CHANGES,
            price=EACH_ROOM,
            request="nick",
            synonyms=("name", "rename"),
        ),
        Command(
            "me",
            "TEXT",
            "say what you do: * [alice] waves",
            _me,
            Effect.SAYS,
            missing="a text",
            request="act",
            synonyms=("action", "emote"),
        ),
        Command(
            "msg",
            "NICK TEXT",
            "send a private message to one person",
            _msg,
            Effect.TELLS,
            price=BOTH_MAILBOXES,
            missing="a nick and a text",
            request="tell",
            synonyms=("query", "tell", "whisper", "w", "dm", "m", "pm", "notice"),
        ),
        Command(
            "join",
            "ROOM",
            "go to another room; it is made if it is not there",
            _join,
            Effect.CHANGES,
            price=EACH_MOVE,
            missing="a room",
            request="join",
            synonyms=("j", "room", "window", "win", "buffer"),
        ),
        Command(
            "leave",
            "[ROOM]",
            "leave the room, or another one that you are in",
            _leave,
            Effect.CHANGES,
            price=EACH_MOVE,
            request="leave",
            synonyms=("part", "close"),
        ),
        Command(
            "rooms",
            "",
            "list the rooms, how many are in each, and their topics",
            _rooms,
            Effect.ASKS,
            price=LIST,
            limit=ROOMS_MAX,
            request="rooms",
            synonyms=("list", "channels"),
        ),
        Command(
            "topic",
            "[TEXT]",
            "show the topic of this room, or set it; - clears it",
            _topic,
            Effect.SAYS,
            asks_when_bare=True,
            request="topic",
        ),
        Command(
            "history",
            "[@NAME] [N] [before WHEN]",
            f"show the last {HISTORY_DEFAULT}, or N; WHEN: 14:00, yesterday, 2026-11-28",
            _history,
            Effect.ASKS,
            price=PAST,
            limit=HISTORY_MAX,
            request="history",
            synonyms=("last", "lastlog", "log"),
        ),
        Command(
            "search",
            "WORDS",
            f'find lines with all the words and "phrases"; {FILTERS} narrow it down',
            _search,
            Effect.ASKS,
            price=PAST,
            limit=SEARCH_MAX,
            missing="something to look for",
            request="search",
            synonyms=("find", "grep"),
        ),
        Command(
            "mentions",
            "[N]",
            "show the last lines that mention you",
            _mentions,
            Effect.ASKS,
            price=PAST,
            limit=MENTIONS_MAX,
        ),
        Command(
            "whois",
            "NAME",
            "show whose name that is, and since when they are here",
            _whois,
            Effect.ASKS,
            missing="a name",
        ),
        Command(
            "stickers",
            "",
            "list the stickers of this server",
            _stickers,
            Effect.ASKS,
            price=LIST,
            request="stickers",
        ),
        Command(
            "register",
            "[PASSWORD]",
            "keep the name that you have; the password is asked for",
            _with_secret("register"),
            Effect.CHANGES,
            price=PROOF,
            is_secret=True,
        ),
        Command(
            "login",
            "NAME [PASSWORD]",
            "take your name; the password is asked for",
            _login,
            Effect.CHANGES,
            price=PROOF,
            missing="your name",
            is_secret=True,
        ),
        Command(
            "password",
            "[PASSWORD]",
            "change the password of your name; it is asked for",
            _with_secret("password"),
            Effect.CHANGES,
            price=PROOF,
            is_secret=True,
        ),
        Command(
            "keys",
            "",
            "list the keys of your name",
            _keys,
            Effect.ASKS,
        ),
        Command(
            "key",
            "add SSH-PUBLIC-KEY | remove FINGERPRINT",
            "add a key to your name, or remove one",
            _key,
            Effect.CHANGES,
            price=PROOF,
        ),
        Command(
            "invite",
            "CODE",
            "take a name with the invite that somebody gave you",
            _with_secret("invite"),
            Effect.CHANGES,
            price=PROOF,
            missing="its code",
            is_secret=True,
        ),
        Command(
            "quit",
            "",
            "leave; so does quit()",
            _quit,
            Effect.CHANGES,
            request="bye",
            synonyms=("exit", "bye", "disconnect", "logout"),
        ),
    )
)

REQUEST_PRICES: Mapping[str, Price] = MappingProxyType(
    {command.request: command.price for command in COMMANDS.values() if command.request}
    | {"hello": EACH_MOVE, "say": EACH_LINE, "ping": LINE, "pong": LINE}
    | {"picture": LIST, "challenge": LINE, "register": PROOF, "read": LINE, "ignored": LINE}
)
"""The price of each request of programs, by the type of its frame: that of the command with the same effect, if any."""
