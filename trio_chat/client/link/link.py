"""The link to a server: each message arrives, and each entry comes once, however often the connection breaks.

It reconnects by itself, with backoff, and keeps messages in the outbox until the server has them. It is an async
iterator of events, and knows no view.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self, TypeVar

import msgspec
import trio

from trio_chat.chat.events import MARK
from trio_chat.client.link.address import ALTERNATIVE_TIMEOUT_S, Address, LinkError
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.connection import WELCOME_TIMEOUT_S, LinkConnection
from trio_chat.client.link.event_queue import EventQueue
from trio_chat.client.link.events import (
    Cancelled,
    Disconnected,
    Ended,
    Failed,
    LinkEvent,
    LinkNotice,
    Message,
    Pending,
    Question,
    Sent,
    Signing,
    lines_of,
)
from trio_chat.client.link.greeting import LateHelloError
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import PENDING_MAX, Outbox, OutboxError
from trio_chat.client.link.protocol import NO_NAMES, ClientProtocol
from trio_chat.client.link.signing import Signer, SigningError
from trio_chat.client.link.tls import binding_of, is_private
from trio_chat.wire import frames

IsWorthWaiting = Callable[[], Awaitable[bool]]
"""Tells, after the first connection failed, whether there is anything to send: then it is tried again."""

AskPassword = Callable[[Sequence[str], str], Awaitable[str | None]]
"""Asks the person for a password, after notices about the connection: that of the server, or that of a name.

-> None where they give none; an empty one for a name means that they do without the name.
"""

RequestT = TypeVar("RequestT", bound=frames.Request)

_SURROGATE = re.compile("[\ud800-\udfff]")


class LinkStart:
    """The start of a link: while it is under way, the person can be asked for a password, and a failure is raised."""

    def __init__(self) -> None:
        self.is_under_way = False
        self._task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED

    def begin(self, task_status: trio.TaskStatus[None]) -> None:
        """Begin to connect for the first time."""
        self.is_under_way = True
        self._task_status = task_status

    def complete(self) -> None:
        """Report that the link has started, unless that is done already."""
        if self.is_under_way:
            self.is_under_way = False
            self._task_status.started()


class Link:
    """A session with a server. Iterates over batches of events, up to Ended.

    Its maker runs `run`; any task may call the other methods.
    """

    def __init__(
        self,
        address: Address,
        identity: Identity,
        outbox: Outbox,
        *,
        backoff: Backoff | None = None,
        holds_pending: bool = False,
        ask_password: AskPassword | None = None,
        signer: Signer | None = None,
    ) -> None:
        """If `holds_pending`, the messages from last time in the outbox are not sent before `release`.

        `ask_password` is called, before the link has started, if the server refuses the password of the identity, or
        the name without one. `signer` has the keys that prove the name.
        """
        self._signer = signer
        self._has_invite = bool(identity.invite)
        self._address = address
        self._outbox = outbox
        self._protocol = ClientProtocol(identity, outbox.session, outbox.pending)
        self._handshake = self._protocol.handshake
        self._protocol.held = {message.key for message in outbox.pending} if holds_pending else set()
        self._backoff = backoff or Backoff()
        self._events = EventQueue()
        self._connection: LinkConnection | None = None
        self._storing: dict[str, Message] = {}
        """The messages that are being written to the outbox, by key. Those taken back meanwhile are removed from it."""
        self._space_waiters = trio.lowlevel.ParkingLot()
        self._is_finishing = False
        self._is_logging_in = False
        self._is_leaving = False
        self._ask_password = ask_password
        self._start = LinkStart()
        self._outbox_works = True
        self._notices: list[str] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[LinkEvent]:
        return await anext(self._events)

    @property
    def is_connected(self) -> bool:
        """True if the server has welcomed us and the connection has not been lost, as far as we know."""
        return self._protocol.is_connected

    @property
    def label(self) -> str:
        """Our name as others see it."""
        return self._protocol.label

    @property
    def account(self) -> str:
        """The id of our account; empty for a guest."""
        return self._protocol.account

    @property
    def may_send_password(self) -> bool:
        """True if nobody on the way can read a password, or that does not matter to the person."""
        return self._handshake.may_send_password

    @property
    def is_logging_in(self) -> bool:
        """True while the answer to `log_in` is not there yet."""
        return self._handshake.is_logging_in

    def can_prove(self, name: str) -> bool:
        """Tell whether there is a key that may prove a name here."""
        has_keys = self._signer is not None and self._signer.has_keys
        return has_keys and self._handshake.knows_names and name.casefold() not in self._handshake.refused_names

    async def own_key(self) -> str:
        """Return the blob of the key that proves names here, which is made if there is none. Raises SigningError."""
        if self._signer is None:
            raise SigningError("there is no key here")
        return await self._signer.make_key()

    def log_in(self, name: str = "", *, invite: str = "") -> str:
        """Connect again, to prove a name by a key: `name`, or the present one, with the code of an invite.

        -> the reason where that cannot be done. An event brings a refusal; then we go on as before.
        """
        if not self.is_connected or self._connection is None:
            return "not connected"
        if not self._handshake.knows_names or self._signer is None:
            return NO_NAMES
        if self.account:  # the session of a member is that name's alone
            return f"you are [{self.label}{MARK}] here: connect again to be somebody else"
        if invite and ":" in self.label:
            return "take a name first: /nick NAME"
        if not (invite or self._signer.has_keys):
            return f"there is no key here that could prove it: /login {name} PASSWORD"
        self._has_invite |= bool(invite)
        self._handshake.log_in(name or self.label, invite)
        self._is_logging_in = True
        self._connection.hang_up()
        return ""

    def mark_read(self, room: str, entry_id: int) -> None:
        """Tell the server how far we have read."""
        self._protocol.mark_read(room, entry_id)
        self._wake()

    @property
    def stickers_hash(self) -> str:
        """The hash of the stickers that the server shares; empty where it shares none."""
        return self._protocol.stickers_hash

    @property
    def on_stickers(self) -> Callable[[str | frames.StickerList | frames.StickerPicture], None]:
        """Called with that hash on each connection, and with answers about stickers."""
        return self._protocol.on_stickers

    @on_stickers.setter
    def on_stickers(self, callback: Callable[[str | frames.StickerList | frames.StickerPicture], None]) -> None:
        self._protocol.on_stickers = callback

    def ask_stickers(self) -> None:
        """Ask for the stickers that the server shares."""
        self._protocol.ask_stickers()
        self._wake()

    def ask_picture(self, name: str) -> None:
        """Ask for the picture of a sticker."""
        self._protocol.ask_picture(name)
        self._wake()

    def keep_ignored(self, names: Sequence[str]) -> None:
        """Have the server remember whom we ignore."""
        self._protocol.keep_ignored(list(names)[-frames.IGNORED_LIMIT :])
        self._wake()

    @property
    def rooms(self) -> dict[str, str]:
        """The rooms that we are in or want to be in, each with its topic."""
        return self._protocol.rooms

    @property
    def epoch(self) -> str:
        """The epoch of the server's journal; empty before the first connection."""
        return self._protocol.epoch

    def newest_id_before(self, room: str) -> int | None:
        """Return the id of the newest entry when the room was joined; None where that is not known."""
        return self._protocol.newest_id_before(room)

    @property
    def pending(self) -> tuple[Message, ...]:
        """The messages that are not acknowledged, oldest first."""
        return tuple(self._protocol.pending.values())

    @property
    def _waiting(self) -> int:
        """The number of messages that are in the outbox, or being written to it."""
        return len(self._protocol.pending) + len(self._storing)

    async def say(self, *messages: Message) -> None:
        """Send messages, in order; return when they are in the outbox. Each gets a key if it has none.

        Events report the fate of each: Pending, then Sent or Failed.
        """
        keyed = [_with_key(message) for message in messages]
        refused = {message.key: Failed(message, why) for message in keyed if (why := _check(message))}
        space = max(0, PENDING_MAX - self._waiting)
        valid = [message for message in keyed if message.key not in refused]
        refused |= {message.key: Failed(message, "too many lines are waiting already") for message in valid[space:]}
        kept = await self._store(valid[:space])
        self._protocol.say(kept)
        self._wake()
        kept_keys = {message.key for message in kept}
        told = [message for message in keyed if message.key in refused or message.key in kept_keys]
        self._events.put(refused.get(message.key) or Pending(message) for message in told)

    def ask(self, question: Question) -> None:
        """Send a question. An event brings its answer or its refusal."""
        self._events.put(self._protocol.ask(_with_key(question)))
        self._wake()

    def limit_lines_in_flight(self, most: int) -> None:
        """Have at most so many lines in flight to the server at once: the others can still be taken back."""
        self._protocol.limit_lines_in_flight(most)

    @property
    def held(self) -> tuple[Message, ...]:
        """The messages from last time that are not sent before `release`."""
        return tuple(message for message in self.pending if message.key in self._protocol.held)

    def release(self) -> None:
        """Send the messages that were held."""
        self._protocol.release()
        self._wake()

    @property
    def cancellable(self) -> tuple[Message, ...]:
        """The messages that can be taken back."""
        return (*self._protocol.cancellable, *self._storing.values())

    async def cancel(self, keys: Collection[str] | None = None) -> int:
        """Take back messages that are not in flight to the server: all, or some. -> the number of their lines

        Without a connection that is all of them, though the server may have kept one that was sent before it broke.
        """
        storing = [self._storing.pop(key) for key in list(self._storing) if keys is None or key in keys]
        messages = [*self._protocol.cancel(keys), *storing]
        await self._remove([message.key for message in messages])
        self._events.put([Cancelled(tuple(messages))] if messages else [])
        self._space_waiters.unpark_all()
        self._leave_if_settled()
        return sum(len(lines_of(message)) for message in messages)

    def take_events(self) -> list[LinkEvent]:
        """Return the events since the iteration ended."""
        return self._events.take_nowait()

    async def wait_for_space(self, count: int, *, is_persistent: bool) -> None:
        """Return when `count` more messages fit into the outbox.

        If `is_persistent`, also without a connection; else only while there is one, on which the outbox empties.
        """
        while self._waiting + count > PENDING_MAX and (is_persistent or self.is_connected):
            await self._space_waiters.park()

    def finish(self) -> None:
        """Leave as soon as all messages are acknowledged and all questions answered."""
        self._is_finishing = True
        self._leave_if_settled()
        self._wake()

    async def run(
        self,
        *,
        is_persistent: bool,
        is_worth_waiting: IsWorthWaiting | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Connect, and reconnect, until the end; Ended is the last event. Started when the server has welcomed us.

        If `is_persistent`, it has started when the first attempt is over. Otherwise LinkError is raised if the first
        connection fails, with notices for the person as its notes. But a hello that was only late is tried again; and
        so is any failure that is not final if it `is_worth_waiting`, where it has started then.
        """
        self._start.begin(task_status)
        while True:
            error = await self._connect_once()
            if await self._connects_otherwise(error):
                continue
            if is_persistent:
                self._start.complete()
            if is_worth_waiting and not (error.is_final or error.is_stranger) and await is_worth_waiting():
                self._start.complete()
            self._raise_first_failure(error)
            self._events.put(self._protocol.connection_lost())
            self._space_waiters.unpark_all()
            self._is_leaving = False
            if self._protocol.has_said_bye or error.is_final or self._backoff.is_once:
                self._events.put([Ended(str(error), is_orderly=self._protocol.has_said_bye)])
                return
            if isinstance(error, LateHelloError):  # the server is there, and not overloaded
                self._backoff.reset()
            wait_s = self._backoff.next_s(error.retry_s)
            self._events.put([Disconnected(str(error), wait_s)])
            await trio.sleep(wait_s)

    async def _connects_otherwise(self, error: LinkError) -> bool:
        """Tell whether to connect again at once, in another way: elsewhere, with a password, as somebody else."""
        if error.is_mute and self._address.avoid():
            return True
        if self._is_logging_in:
            self._is_logging_in = False
            self._events.put(self._protocol.connection_lost())
            return True
        if error.wants_password and await self._has_got_password():
            return True
        if error.wants_name_password and await self._has_got_name_password():
            return True
        return self._handshake.can_do_without_name()

    async def _has_got_password(self) -> bool:
        """Ask the person for the password, unless the link has started. -> whether to try with that"""
        if not self._start.is_under_way or self._ask_password is None:
            return False
        password = await self._ask_password(self._notices, "")
        self._notices = []
        self._protocol.password = password or ""
        return password is not None

    async def _has_got_name_password(self) -> bool:
        """Ask the person for the password of their name, unless the link has started. -> whether to try with that"""
        if not self._can_ask or self._ask_password is None:
            return False
        password = await self._ask_password(self._notices, self._protocol.wanted_nick)
        self._notices = []
        if password is not None:
            self._handshake.use_name_password(password)
        return password is not None

    @property
    def _can_ask(self) -> bool:
        """True if the person can be asked for the password of their name, and that can be sent."""
        return self._start.is_under_way and self._ask_password is not None and self.may_send_password

    def _raise_first_failure(self, error: LinkError) -> None:
        """Raise the error of the first connection, unless it was only a late hello."""
        if not self._start.is_under_way or isinstance(error, LateHelloError):
            return
        for notice in self._notices:
            error.add_note(notice)
        raise error

    async def _connect_once(self) -> LinkError:
        """Make one connection and use it until it is lost. -> the reason"""
        try:
            stream = await self._address.connect(self._notify_connecting)
        except LinkError as error:
            return error
        self._handshake.prepare(
            binding=binding_of(stream),
            is_private=is_private(stream),
            can_sign=self._signer is not None and (self._signer.has_keys or self._has_invite),
            can_ask=self._start.is_under_way and self._ask_password is not None,
        )
        self._connection = LinkConnection(
            stream,
            self._protocol,
            on_replies=self._handle_replies,
            wait_for_space=self._events.wait_for_space,
            welcome_timeout_s=ALTERNATIVE_TIMEOUT_S if self._address.has_alternative else WELCOME_TIMEOUT_S,
        )
        try:
            return await self._connection.run()
        finally:
            self._connection = None
            await trio.aclose_forcefully(stream)

    def _wake(self) -> None:
        if self._connection:
            self._connection.wake()

    def _notify_connecting(self, notice: str) -> None:
        self._notices.append(notice)
        self.notify(notice)

    def notify(self, notice: str) -> None:
        """Put a notice for the person among the events."""
        self._events.put([LinkNotice(notice)])

    async def _handle_replies(self, replies: Sequence[frames.AnyReply]) -> None:
        was_connected = self.is_connected
        events: list[LinkEvent] = []
        for reply in replies:
            events += self._protocol.receive(reply)
            if signing := self._protocol.signing:
                events += await self._sign(signing)
        if self.is_connected and not was_connected:
            self._outbox.use_session()
            self._backoff.reset()
            self._start.complete()
        await self._remove([event.message.key for event in events if isinstance(event, Sent | Failed)])
        self._events.put(events)
        self._leave_if_settled()
        self._space_waiters.unpark_all()
        self._wake()

    async def _sign(self, signing: Signing) -> list[LinkEvent]:
        """Prove a name by the next key. -> events to be shown"""
        signer, proof = self._signer, None
        try:
            if signer and not signer.has_keys and (signing.key or self._has_invite):
                await signer.make_key()
            found = await signer.sign(signing.message, signing.number) if signer else None
            proof = frames.Proof(key=found[0], signature=found[1]) if found else None
        except SigningError as error:
            if signing.key or (signer and signer.is_asked_for):
                return self._protocol.cannot_sign(str(error))
            return [LinkNotice(str(error)), *self._protocol.prove(None)]
        return self._protocol.prove(proof)

    def _leave_if_settled(self) -> None:
        if self._is_finishing and self.is_connected and self._protocol.is_settled and not self._is_leaving:
            self._is_leaving = True
            self._protocol.leave()

    async def _store(self, messages: list[Message]) -> list[Message]:
        """Put messages into the outbox. -> those that were not taken back meanwhile

        If that fails they are sent all the same, and the person is told once.
        """
        self._storing |= {message.key: message for message in messages}
        try:
            await self._write(messages)
        finally:
            kept = [message for message in messages if self._storing.pop(message.key, None)]
            self._space_waiters.unpark_all()  # if it was cancelled, its space is free again
        return kept

    async def _write(self, messages: list[Message]) -> None:
        try:
            if messages:
                await self._outbox.add(messages)
        except OutboxError as error:
            if self._outbox_works:
                self._events.put([LinkNotice(f"cannot keep unsent lines on disk: {error}")])
            self._outbox_works = False

    async def _remove(self, keys: list[str]) -> None:
        """Remove messages from the outbox. One that cannot be removed is sent, and acknowledged, again next time."""
        with suppress(OutboxError):
            if keys:
                await self._outbox.remove(keys)


@asynccontextmanager
async def open_link(
    address: Address,
    identity: Identity,
    outbox: Outbox,
    *,
    is_persistent: bool = False,
    is_worth_waiting: IsWorthWaiting | None = None,
    backoff: Backoff | None = None,
    holds_pending: bool = False,
    ask_password: AskPassword | None = None,
    signer: Signer | None = None,
) -> AsyncIterator[Link]:
    """Connect, and close the connection at the end of the block.

    If `is_persistent`, or if that `is_worth_waiting`, the first connection is retried, too; else its failure raises
    LinkError, in a group.
    """
    link = Link(
        address,
        identity,
        outbox,
        backoff=backoff,
        holds_pending=holds_pending,
        ask_password=ask_password,
        signer=signer,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(link.run, is_persistent=is_persistent, is_worth_waiting=is_worth_waiting))
        yield link
        nursery.cancel_scope.cancel()


def _with_key(request: RequestT) -> RequestT:
    return request if request.key else msgspec.structs.replace(request, key=secrets.token_hex(16))


def _check(message: Message) -> str:
    """Return the reason why a message can never be sent, or an empty string."""
    for line in lines_of(message):
        if len(line) > frames.TEXT_LIMIT:
            return f"line too long: at most {frames.TEXT_LIMIT} characters"
        if not line.isascii() and _SURROGATE.search(line):
            return "line is not valid UTF-8"
    return ""
