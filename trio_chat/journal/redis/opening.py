"""Checks of a Redis before it gets a chat: its version, its role, and the durability of what it acknowledges."""

import logging
from collections.abc import Mapping
from threading import Thread

import trio

from trio_chat.journal.durability import Durability
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import RedisAddress, Topology, read_url
from trio_chat.journal.redis.errors import FewReplicasError, RedisRefusedError
from trio_chat.journal.redis.link import RedisLink, open_link

VERSION_MIN = (7, 0)

KEPT_ALWAYS = "entries are on the disk of Redis before anyone sees them"

KEPT_ALWAYS_STATED = f"{KEPT_ALWAYS}, as --journal-durability assured states: its settings cannot be read"

KEPT_LATER = "a power cut of Redis can lose the last second of what people have seen"

NOT_KEPT = "Redis has no file, and its end loses everything"

RELAXED_UNKNOWN = "its settings cannot be read: what a power cut of Redis can lose is not known"

LOST_BY_FAILOVER = "a failover can lose the last of what people have seen"

_OTHERWISE = "or accept that with --journal-durability relaxed"

logger = logging.getLogger(__name__)


async def check_redis(link: RedisLink, durability: Durability) -> str:
    """Check that a Redis can keep a chat, and return the sentence about what survives. Raises JournalError."""
    info = await link.info()
    check_server(info)
    if (connected := int(info.get("connected_slaves", 0))) < link.address.replicas:
        raise FewReplicasError(f"only {connected} of {link.address.replicas} replicas are connected to Redis")
    await link.get_field("meta", "epoch")  # refused by a node of a cluster that does not have the chat
    try:
        settings = await link.config("appendonly", "appendfsync", "maxmemory-policy")
    except RedisRefusedError:
        settings = {}
    address = link.address
    can_fail_over = address.topology is not Topology.ALONE
    promise = promise_of(settings, durability)
    if address.replicas:
        return _replicated(promise, address.replicas, connected)
    return _without_replicas(promise, durability, can_fail_over=can_fail_over)


def _without_replicas(promise: str, durability: Durability, *, can_fail_over: bool) -> str:
    """Return the promise where no replica is waited for. Raises JournalError where that is too little."""
    if not can_fail_over:
        return promise
    if durability is not Durability.RELAXED:
        raise JournalError(f"{LOST_BY_FAILOVER}: wait for a replica with ?replicas=1, {_OTHERWISE}")
    return f"{promise}, and {LOST_BY_FAILOVER}"


def is_everything(promise: str, replicas: int) -> bool:
    """Tell whether a promise is the best one: each entry is on disk, and on all replicas if any are waited for."""
    return promise == (_replicated(KEPT_ALWAYS, replicas, replicas) if replicas else KEPT_ALWAYS)


def _replicated(promise: str, replicas: int, connected: int) -> str:
    if replicas < connected:
        return f"{promise}, and {replicas} of {connected} replicas {'have' if replicas > 1 else 'has'} them"
    return f"{promise}, and {replicas} replica{'s have' if replicas > 1 else ' has'} them"


def check_server(info: Mapping[str, str]) -> None:
    """Check the answer to INFO. Raises JournalError."""
    if info.get("redis_mode") == "sentinel":
        raise JournalError("this is a sentinel: name it with redis+sentinel://")
    version = info.get("redis_version", "")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < VERSION_MIN:
        raise JournalError(f"this is Redis {version}: version 7.0 or later is needed")
    if info.get("role") not in ("master", None):
        raise JournalError("this Redis is a replica, which cannot be written to: name the primary")


def promise_of(settings: Mapping[str, str], durability: Durability) -> str:
    """Return the promise that follows from settings of Redis, which are empty where they cannot be read.

    Raises JournalError where it is less than `durability` asks for.
    """
    if not settings:
        if durability is Durability.STRICT:
            raise JournalError(
                "Redis does not let its settings be read (CONFIG): if it has `appendonly yes`, `appendfsync always` "
                "and `maxmemory-policy noeviction`, say so with --journal-durability assured"
            )
        return KEPT_ALWAYS_STATED if durability is Durability.ASSURED else RELAXED_UNKNOWN
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        raise JournalError(
            f"Redis would throw entries away when its memory is full: set `maxmemory-policy noeviction`, not {policy}"
        )
    promise = _promise(settings)
    if promise != KEPT_ALWAYS and durability is not Durability.RELAXED:
        raise JournalError(f"{promise}: set `appendonly yes` and `appendfsync always`, {_OTHERWISE}")
    return promise


def _promise(settings: Mapping[str, str]) -> str:
    if settings.get("appendonly") != "yes":
        return NOT_KEPT
    return KEPT_ALWAYS if settings.get("appendfsync") == "always" else KEPT_LATER


async def check_address(address: RedisAddress, durability: Durability) -> None:
    """Check that a chat could be opened, and change nothing. Raises JournalError."""
    async with open_link(address) as link:
        try:
            await check_redis(link, durability)
        except JournalError as error:
            raise JournalError(f"cannot use the journal {address}: {error}") from error


def check_address_in_thread(address: RedisAddress, durability: Durability) -> None:
    """Check that a chat could be opened, where the caller may be inside of Trio. Blocks. Raises JournalError."""
    errors: list[JournalError] = []

    def check() -> None:
        try:
            trio.run(check_address, address, durability)
        except JournalError as error:
            errors.append(error)

    thread = Thread(target=check, name="check of the journal")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


async def inspect_redis(url: str, durability: Durability) -> tuple[str, int]:
    """Check that a chat could be opened. Returns the promise and the number of replicas. Raises JournalError."""
    async with open_link(read_url(url)) as link:
        promise = await check_redis(link, durability)
        return promise, int((await link.info()).get("connected_slaves", 0))
