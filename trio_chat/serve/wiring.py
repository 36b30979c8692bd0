"""The components of a server, made and wired together. Nothing runs here: `app.py` starts and stops them."""

import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import trio

from trio_chat.chat.accounts.account import Account, Invite
from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.accounts.names import Names
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change, Dependencies, Owner, Rules
from trio_chat.chat.events import Entry
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.nodes import Alone
from trio_chat.chat.operators.bans import Ban, Bans
from trio_chat.chat.operators.hooks import Hook, Hooks
from trio_chat.chat.operators.mutes import Mute, Mutes
from trio_chat.chat.operators.operator import Operator
from trio_chat.config import ServeSettings
from trio_chat.journal import Journal, Shareable
from trio_chat.journal.late_receipt import LateReceipt
from trio_chat.server.credentials.crypto import ThreadedCrypto
from trio_chat.server.delivery.liveness import Heartbeats
from trio_chat.server.delivery.pump import Pump
from trio_chat.server.operation.memory_limit import memory_limit
from trio_chat.server.operation.secret_files import Secrets
from trio_chat.server.operation.turns import Turns
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.searches import Searches
from trio_chat.server.sessions.settling import settled
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.sessions.turnstile import Turnstile
from trio_chat.server.transport.admission import Admission, limits_of
from trio_chat.server.upkeep.account_keeper import JournalAccountKeeper, read_accounts, read_invites
from trio_chat.server.upkeep.housekeeping import Pruning
from trio_chat.server.upkeep.memory_keeping import MemoryKeeping
from trio_chat.server.upkeep.name_keeping import NameKeeping
from trio_chat.server.upkeep.node_delegate import ChatNodeDelegate
from trio_chat.server.upkeep.operator_log import OperatorLog, read_bans, read_hooks, read_mutes
from trio_chat.server.upkeep.settled_clock import SettledClock
from trio_chat.wire import frames, lines

LIMIT_SHARE = 4
"""Windows get one part in this many of the memory that the process may use: their slices can take twice as much
again."""

OnChange = Callable[[Chat, Change, Client, DisconnectReason | None], None]
OnRecord = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Components:
    """The components that `app.py` runs and a reload changes."""

    context: SessionContext
    news: AsyncIterator[Sequence[Entry]]
    """Everything that is kept from now on: followed from the step in which the chat took over the newest id."""
    operator: Operator
    operator_log: OperatorLog
    pruning: Pruning
    name_keeping: NameKeeping
    node_delegate: ChatNodeDelegate


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecords:
    """Records of an earlier run that the journal has kept: all but entries, sessions and memories of members."""

    bans: Sequence[Ban] = ()
    mutes: Sequence[Mute] = ()
    hooks: Sequence[Hook] = ()
    accounts: Sequence[Account] = ()
    invites: Sequence[Invite] = ()


async def read_kept_records(journal: Journal) -> KeptRecords:
    """Read the records of an earlier run. Raises JournalError."""
    return KeptRecords(
        bans=await read_bans(journal),
        mutes=await read_mutes(journal),
        hooks=await read_hooks(journal),
        accounts=await read_accounts(journal),
        invites=await read_invites(journal),
    )


def wire(
    settings: ServeSettings,
    journal: Journal,
    nursery: trio.Nursery,
    *,
    secrets: Secrets,
    kept: KeptRecords,
    on_change: OnChange,
    on_record: OnRecord,
) -> Components:
    """Make the components. `nursery` is for tasks that send, and outlives the sessions.

    `on_change` is called when a connection begins or ends, `on_record` when an operator acts. The chat and other
    components need each other: the lambdas refer to those that are made further down.
    """
    pump = Pump(nursery, stall_timeout_s=settings.stall_timeout)
    deps = Dependencies(
        post=journal.post,
        hold=LateReceipt,
        encoders={Mode.LINES: lines.encode_entry, Mode.FRAMES: frames.encode_entry},
        wall_clock=time.time,
        clock=trio.lowlevel.current_clock().current_time,
        on_change=lambda change, client, reason: on_change(chat, change, client, reason),
        on_news=pump.schedule,
        mute_of=lambda client: operator.mutes.refusal(client, time.time()),
        owner_of=lambda nick: owner_of(accounts.names, nick),
        is_being_claimed=lambda nick: accounts.names.is_reserved(nick),
        on_room=lambda account, room, is_in: memories.note_room(account, room, is_in),
        nodes=journal.nodes if isinstance(journal, Shareable) else Alone(),
    )
    chat, news = Chat(deps, rules=rules_of(settings), last_id=journal.last_id), journal.follow()
    accounts = _make_accounts(journal, chat, kept)
    memories = MemoryKeeping(
        journal,
        is_here=lambda account: bool(chat.directory.places_here(account)),
        is_known=lambda account: accounts.names.by_id(account) is not None,
    )
    pump.on_memory_error = chat.rooms.budget.give_up
    pump.settled = lambda: settled(context)
    operator_log = OperatorLog(journal, time.time, on_record=on_record)
    ahead_s = SettledClock().ahead_s
    turns = Turns(nursery, pump.settled)
    operator = _make_operator(chat, operator_log, turns, kept, ahead_s=ahead_s)
    admission = Admission(limits_of(settings), operator.bans)
    context = SessionContext(
        chat,
        journal,
        pump,
        Heartbeats(pump),
        admission=admission,
        rate_limit=RateLimit(settings.rate, settings.burst),
        password=secrets.password,
        searches=Searches(journal, admission),
        turnstile=Turnstile(nursery),
        accounts=accounts,
        memories=memories,
        tls=secrets.tls,
        plain_passwords=settings.plain_passwords,
        proxy_certificate=secrets.proxy_certificate,
    )
    return Components(
        context,
        news,
        operator,
        operator_log,
        Pruning(journal, settings.keep, ahead_s),
        NameKeeping(accounts, chat, operator_log.record, unseen_s=settings.names_unseen),
        ChatNodeDelegate(
            chat, journal, operator, accounts, operator_log, origin_of=admission.origin_of, notify=pump.notify
        ),
    )


def _make_accounts(journal: Journal, chat: Chat, kept: KeptRecords) -> Accounts:
    return Accounts(
        Names(kept.accounts),
        JournalAccountKeeper(journal),
        ThreadedCrypto(),
        time.time,
        places=chat.places,
        reserved_nicks=chat.free_nicks.reserved,
        sleep=trio.sleep,
        invites=kept.invites,
    )


def _make_operator(
    chat: Chat, log: OperatorLog, turns: Turns, kept: KeptRecords, *, ahead_s: Callable[[], float]
) -> Operator:
    bans = Bans(kept.bans, log, ahead_s=ahead_s)
    mutes = Mutes(kept.mutes, log, ahead_s=ahead_s)
    return Operator(chat, bans, mutes, log, time.time, turns.finish, Hooks(chat, kept.hooks, log))


def rules_of(settings: ServeSettings) -> Rules:
    """Translate the settings to the rules of the chat."""
    limits = limits_of(settings)
    return Rules(
        window=Window(settings.window_entries, settings.window_bytes),
        window_total_bytes=min(settings.window_total, (memory_limit() or sys.maxsize) // LIMIT_SHARE),
        hold_s=settings.hold,
        announce_max_members=settings.announce_max,
        clients=limits.clients,
        clients_per_origin=limits.per_address,
        names=settings.names,
    )


def owner_of(names: Names, nick: str) -> Owner | None:
    """Return the account to which a nick belongs, as the chat knows it."""
    account = names.owner_of(nick)
    return Owner(account.id, account.name) if account else None
