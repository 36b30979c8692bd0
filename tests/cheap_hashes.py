"""Hashes of passwords with little work, for all tests but those of the hashes: a real one takes 0.17 s and 64 MiB."""

from trio_chat.chat.accounts import accounts
from trio_chat.server.credentials import crypto

CHEAP_TIME_COST, CHEAP_MEMORY_KIB = 1, 64

REAL_TIME_COST, REAL_MEMORY_KIB, REAL_DUMMY_HASH = crypto.TIME_COST, crypto.MEMORY_KIB, accounts.DUMMY_HASH


def hash_cheaply() -> None:
    """Let hashes take little work in this process from now on, also that of names that nobody has."""
    crypto.TIME_COST, crypto.MEMORY_KIB = CHEAP_TIME_COST, CHEAP_MEMORY_KIB
    accounts.DUMMY_HASH = REAL_DUMMY_HASH.replace(
        f"$m={REAL_MEMORY_KIB},t={REAL_TIME_COST},", f"$m={CHEAP_MEMORY_KIB},t={CHEAP_TIME_COST},"
    )
