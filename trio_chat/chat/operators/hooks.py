"""Hooks: secret addresses by which a program speaks in one room, under a name of its own. Times are seconds since 1970.

Only a digest of each secret is kept: whoever reads the journal cannot speak by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import fold_name

HOOKS_LIMIT = 1000

SESSION_DIGITS = 8
"""Of a hook's digest, in the session of its keys: shorter than any session of a client, which cannot use them."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook: the name under which it speaks, the name of its room, the digest of its secret, its maker."""

    name: str
    room: str
    digest: str
    by: str
    since: float

    @property
    def session(self) -> str:
        """The session under which keys of its texts are kept."""
        return f"hook-{self.digest[:SESSION_DIGITS]}"


class HookStore(Protocol):
    """The store that keeps hooks across restarts. Neither method waits."""

    def keep_hook(self, hook: Hook) -> None:
        """Keep a hook."""

    def forget_hook(self, name: str) -> None:
        """Delete the hook of a name."""


class Hooks:
    """All hooks, by name and by secret. Their names are reserved in the chat: nobody can take one as a nick."""

    def __init__(self, chat: Chat, kept: Iterable[Hook] = (), store: HookStore | None = None) -> None:
        """`kept` is what the store has."""
        self._chat = chat
        self._store = store
        self._by_name: dict[str, Hook] = {}
        self._by_digest: dict[str, Hook] = {}
        for hook in kept:
            self._put(hook)

    def __len__(self) -> int:
        return len(self._by_name)

    def current(self) -> list[Hook]:
        """Return all hooks, oldest first."""
        return sorted(self._by_name.values(), key=lambda hook: hook.since)

    def add(self, hook: Hook) -> None:
        """Add a hook. Raises ChatError where its name is another's or somebody's nick, and where there are too many."""
        if len(self) >= HOOKS_LIMIT:
            raise ChatError("too-many-hooks", f"there are {HOOKS_LIMIT} hooks already: remove one first")
        if fold_name(hook.name) in self._by_name:
            raise ChatError("hook-exists", f"there is a hook called {hook.name} already")
        self._chat.free_nicks.check_is_free(hook.name)
        self._put(hook)
        if self._store:
            self._store.keep_hook(hook)

    def remove(self, name: str) -> Hook:
        """Remove the hook of a name, and return it. Raises ChatError where there is none."""
        hook = self._by_name.pop(fold_name(name), None)
        if hook is None:
            raise ChatError("no-such-hook", f"there is no hook called {name}")
        del self._by_digest[hook.digest]
        self._chat.free_nicks.reserved.discard(fold_name(name))
        if self._store:
            self._store.forget_hook(hook.name)
        return hook

    def sync(self, kept: Iterable[Hook]) -> None:
        """Take over the hooks in the store, which another server has changed."""
        for name in self._by_name:
            self._chat.free_nicks.reserved.discard(name)
        self._by_name.clear()
        self._by_digest.clear()
        for hook in kept:
            self._put(hook)

    def find(self, secret: str) -> Hook | None:
        """Return the hook of a secret."""
        return self._by_digest.get(digest_of(secret))

    def _put(self, hook: Hook) -> None:
        self._by_name[fold_name(hook.name)] = hook
        self._by_digest[hook.digest] = hook
        self._chat.free_nicks.reserved.add(fold_name(hook.name))


def digest_of(secret: str) -> str:
    """Return the digest of a secret, which is long and random: it needs no salt, and no slow function."""
    return sha256(secret.encode(errors="replace")).hexdigest()
