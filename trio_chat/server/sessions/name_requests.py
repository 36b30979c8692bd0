"""Requests about names, carried out in one place for lines and frames."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import trio

from trio_chat.chat.accounts.account import (
    BY_PASSWORD,
    Account,
    KeyProof,
    NameProof,
    PasswordProof,
    ProofConnection,
    by_key,
)
from trio_chat.chat.accounts.accounts import WRONG_PASSWORD
from trio_chat.chat.answers import NameRequest
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MARK
from trio_chat.chat.nicks import name_of_guest
from trio_chat.chat.register import plain_name
from trio_chat.chat.wording import notice
from trio_chat.journal import JournalError
from trio_chat.server.sessions.arrivals import Arrival, arrive
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.name_questions import NameQuestion
from trio_chat.server.sessions.password_check import WRONG_PASSWORD_COST
from trio_chat.server.transport.peer import Peer

NO_PASSWORD_HERE = (
    "a password is not taken here, since others could read it on the way: use TLS (ncat --ssl HOST PORT), or a key"
)
MAY_HAVE_BEEN_READ = "; that one may have been read: do not use it any more"
NEEDS_NAME = "take a name first: /nick NAME"
NEEDS_INVITE = "this chat is for members: /login NAME, or /invite CODE (its operator makes invites)"
NEEDS_LOGIN = "that is for a name that you have proven: /login NAME, or /register the one that you have"

CODE_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz234567")
CODE_LENGTH = 26

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proven:
    """An account, and how it was proven: `key SHA256:...`, `password` or `invite`."""

    account: Account
    proof: NameProof
    by: str


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """The rows of an answer, the question that follows, and the arrival of a member, where it is one."""

    rows: tuple[str, ...] = ()
    question: NameQuestion | None = None
    arrival: Arrival | None = None


def connection_of(context: SessionContext, peer: Peer, *, nonce: str = "") -> ProofConnection:
    """Describe the connection over which a proof comes. `nonce` is that of its last challenge."""
    is_ended_by_proxy = peer.is_behind_proxy and not peer.is_encrypted and bool(context.proxy_binding)
    is_private = peer.is_encrypted or is_ended_by_proxy or context.plain_passwords or _is_loopback(peer.address)
    binding = context.proxy_binding if is_ended_by_proxy else peer.binding
    return ProofConnection(peer.ticket, peer.address, is_private, binding, nonce, context.journal.epoch)


async def carry_out(
    context: SessionContext, client: Client, connection: ProofConnection, request: NameRequest
) -> NameAnswer:
    """Carry out a request of a client. Raises ChatError."""
    try:
        match request.what:
            case "register" | "login" | "password" | "invite":
                question, secret = begin(client, connection, request)
                if question.what == "register":
                    _check_is_in_no_use(context, client, question.name)
                if not secret:
                    return NameAnswer(question=question)
                return await finish(context, client, connection, question, secret)
            case "keys":
                return NameAnswer(_keys(_own_account(context, client)))
            case "key-add":
                key = await context.accounts.add_key(_own_account(context, client).id, request.text)
                return NameAnswer((notice(f"added {key.fingerprint}"),))
            case "key-remove":
                key = await context.accounts.remove_key(_own_account(context, client).id, request.text)
                return NameAnswer((notice(f"removed {key.fingerprint}"),))
            case "whois":
                return NameAnswer(_whois(context, request.name))
    except JournalError as error:
        raise ChatError("not-kept", f"nothing can be kept just now: {error}") from error


async def take_answer(
    context: SessionContext, client: Client, connection: ProofConnection, question: NameQuestion, answer: str
) -> NameAnswer:
    """Go on with the answer of a question, which is asked again where that was wrong. Raises ChatError."""
    try:
        if following := question.next_after(answer):
            return NameAnswer(question=following)
        return await finish(context, client, connection, question, answer)
    except ChatError as error:
        if (retry := question.retry_after(error.code)) is None:
            raise
        return NameAnswer((notice(f"{error.text}: once more, or an empty line"),), question=retry)
    except JournalError as error:
        raise ChatError("not-kept", f"nothing can be kept just now: {error}") from error


def begin(client: Client | None, connection: ProofConnection, request: NameRequest) -> tuple[NameQuestion, str]:
    """Begin a request that needs a secret. -> what it is about, and the secret if that was given, else ""

    `client` is None where nobody is let in without a name. Raises ChatError.
    """
    if not connection.is_private:
        raise ChatError("not-private", NO_PASSWORD_HERE + (MAY_HAVE_BEEN_READ if request.secret else ""))
    if request.what == "password":
        if client is None or not client.account:
            raise ChatError("usage", NEEDS_LOGIN)
        return NameQuestion("password", client.label), request.secret
    if client is not None and client.account:
        raise ChatError("usage", no_other_name(client))
    nick = name_of_guest(client.nick) if client is not None and client.nick else ""
    match request.what:
        case "login":
            return NameQuestion("login", plain_name(request.name)), request.secret
        case "invite":
            if len(request.secret) != CODE_LENGTH or not CODE_CHARS.issuperset(request.secret.lower()):
                raise ChatError("invite", "that is no code of an invite: it has 26 letters and digits")
            return NameQuestion("invite", nick, request.secret.lower()), ""
        case _:
            if client is None:
                raise ChatError("usage", NEEDS_INVITE)
            return NameQuestion("register", name_to_claim(client)), request.secret


async def finish(
    context: SessionContext, client: Client, connection: ProofConnection, question: NameQuestion, secret: str
) -> NameAnswer:
    """Do what was asked for, with the secret. Raises ChatError and JournalError."""
    if question.what == "password":
        await context.accounts.set_password(client.account, secret)
        return NameAnswer((notice("your password is set"),))
    nick = client.nick
    proven = await prove_with(context, connection, question, secret, by=client)
    if client.nick != nick:
        return NameAnswer((notice(f"[{proven.account.name}] is yours now: /login {proven.account.name}"),))
    arrival = enter_proven(context, client, proven)
    return NameAnswer((notice(you_are(client)),), arrival=arrival)


async def prove_with(
    context: SessionContext, connection: ProofConnection, question: NameQuestion, secret: str, *, by: Client | None
) -> Proven:
    """Claim or prove a name by a password. Raises ChatError and JournalError."""
    proof = PasswordProof(secret)
    if question.what == "login":
        return await prove(context, connection, question.name, proof)
    return await claim(context, connection, question.name, proof, by=by, invite=question.code)


async def prove(context: SessionContext, connection: ProofConnection, name: str, proof: NameProof) -> Proven:
    """Check the proof of a name. One that is wrong counts for as many connections. Raises ChatError."""
    check_is_private(connection, proof)
    try:
        account = await context.accounts.prove(name, proof, connection)
    except ChatError as error:
        if error.code == "proof":
            logger.info("wrong proof of a name from %s", connection.address)
            context.admission.charge(connection.origin, WRONG_PASSWORD_COST, trio.current_time())
        raise
    with suppress(ChatError, JournalError):  # it is noted again within an hour, and keeps nobody out
        await context.accounts.note_seen(account.id)
    await context.memories.read(account.id)
    return Proven(account, proof, _proven_by(proof))


async def claim(
    context: SessionContext,
    connection: ProofConnection,
    name: str,
    proof: NameProof,
    *,
    by: Client | None,
    invite: str = "",
) -> Proven:
    """Claim a name for a client, which is None before it is one. Raises ChatError and JournalError."""
    check_is_private(connection, proof)
    _check_is_in_no_use(context, by, name)
    account = await context.accounts.claim(name, proof, connection, invite=invite)
    await context.memories.read(account.id)
    return Proven(account, proof, _proven_by(proof))


def enter_proven(context: SessionContext, client: Client, proven: Proven) -> Arrival:
    """Make a client a place of the account that it has proven. Raises ChatError where that is no proof any more.

    Nothing may be waited for between the check here and what it is for.
    """
    check_still_holds(context, proven)
    return arrive(context, client, proven.account.id, proven.account.name, proven.by)


def check_still_holds(context: SessionContext, proven: Proven) -> None:
    """Raise ChatError where the account, its key or its password has gone since it was checked."""
    now = context.accounts.names.by_id(proven.account.id)
    match proven.proof:
        case KeyProof(key=blob):
            holds = now is not None and any(key.blob == blob for key in now.keys)
        case PasswordProof():
            holds = now is not None and now.password == proven.account.password
    if not holds:
        raise ChatError("proof", WRONG_PASSWORD)


def check_is_private(connection: ProofConnection, proof: NameProof) -> None:
    """Raise ChatError for a password over a connection that others may read."""
    if isinstance(proof, PasswordProof) and not connection.is_private:
        raise ChatError("not-private", NO_PASSWORD_HERE + MAY_HAVE_BEEN_READ)


def name_to_claim(client: Client) -> str:
    """Return the name that a client can claim: its nick. Raises ChatError."""
    if client.account:
        raise ChatError("usage", no_other_name(client))
    if not client.nick:
        raise ChatError("usage", NEEDS_NAME)
    return name_of_guest(client.nick)


def _check_is_in_no_use(context: SessionContext, client: Client | None, name: str) -> None:
    """Raise ChatError where another guest has a name that a client wants to claim: as `guest-NAME`, or by an invite."""
    if any(it is not client and not it.account for it in context.chat.directory.called(name)):
        raise ChatError("nick-taken", f"somebody else has the name [{name}] just now")


def no_other_name(client: Client) -> str:
    """Refuse another name to a client that has proven one."""
    return f"you are [{client.shown}] here: connect again to be somebody else"


def you_are(client: Client) -> str:
    """Tell a client that has proven its name who it is."""
    return f"you are [{client.shown}] now: the name is yours"


def _own_account(context: SessionContext, client: Client) -> Account:
    if account := context.accounts.names.by_id(client.account):
        return account
    raise ChatError("usage", NEEDS_LOGIN)


def _keys(account: Account) -> tuple[str, ...]:
    rows = [f"{key.fingerprint} added {_day(key.added)} ({key.source})" for key in account.keys]
    return *map(notice, rows), notice("password: set" if account.password else "no password")


def _whois(context: SessionContext, name: str) -> tuple[str, ...]:
    found = context.chat.directory.addressee(plain_name(name))
    account = context.accounts.names.by_id(found.account)
    if account is None:
        client = found.client
        here = f"; {_here(context, [client])}" if client else ""
        return (notice(f"[{found.label}]: nobody has proven that name{here}"),)
    places = list(context.chat.directory.places(account.id))
    owned = f"[{account.name}{MARK}]: a name since {_day(account.since)}"
    if not places:
        return (notice(f"{owned}, not here since {_day(account.seen)}"),)
    proofs = [f"proven by {it.proven_by}" if it.proven_by else "proven before the server was started" for it in places]
    return notice(f"{owned}, {_here(context, places)}"), *(notice(f"  {row}") for row in proofs)


def _here(context: SessionContext, clients: Sequence[Client]) -> str:
    """Say since when a person is here, in how many places, and idle for how long."""
    connected = [client for client in clients if client.away_since is None]
    if not connected:
        away_s = min(context.chat.away_s(client) or 0.0 for client in clients)
        return f"its connection broke {round(away_s)} s ago"
    since = datetime.fromtimestamp(min(client.connected_at for client in connected))
    is_today = since.date() == datetime.fromtimestamp(context.chat.time).date()
    places = f" in {len(clients)} places" if len(clients) > 1 else ""
    idle_min = int(min(map(context.chat.idle_s, connected)) // 60)
    return f"here since {since:{'%H:%M' if is_today else '%Y-%m-%d %H:%M'}}{places}, idle {idle_min} min"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d}"


def _proven_by(proof: NameProof) -> str:
    return by_key(proof.key) if isinstance(proof, KeyProof) else BY_PASSWORD


def _is_loopback(address: str) -> bool:
    ip = ip_address(address)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
