"""The errors of a journal in Redis, and the translation of coredis's errors to them."""

import re
import ssl
from collections.abc import Callable

from coredis import exceptions

from trio_chat.journal.records import JournalError, UnavailableError
from trio_chat.journal.redis.replies import DamagedKeyError

KeyAt = Callable[[int], str]
"""The name of the key that a line of a script reads or writes, counted from 1; 0 where the line is not known."""


class NoAnswerError(UnavailableError):
    """Redis did not answer: what it was asked may have been done, or not, or may be done yet."""


class RedisRefusedError(JournalError):
    """Redis refused what it was asked, and did nothing."""


class ReplicaError(RedisRefusedError):
    """Redis is a replica, which cannot be written to."""

    def __init__(self) -> None:
        super().__init__("this Redis is a replica, which cannot be written to: name the primary")


class NotConnectedError(NoAnswerError):
    """Redis cannot be reached: it was not asked anything."""


class MovedAwayError(NotConnectedError):
    """The chat is not on this Redis any more, which did nothing. `host` and `port` name the other one, if known."""

    def __init__(self, sentence: str, host: str = "", port: int = 0) -> None:
        super().__init__(sentence)
        self.host, self.port = host, port


class FewReplicasError(NoAnswerError):
    """Redis has done what it was asked, and too few replicas have that yet."""


IN_DOUBT = "Redis does not answer: it is not known whether this was kept"

TOO_FEW = "it is not known whether this will be kept"


def in_doubt(error: Exception) -> str:
    """Return the sentence for whoever waits, where Redis may have done what it was asked."""
    return f"{error}: {TOO_FEW}" if isinstance(error, FewReplicasError) else IN_DOUBT


class NoScriptError(Exception):
    """Redis does not have the script."""


LOST = "the connection to Redis broke"

_NOT_ALLOWED = "Redis does not allow this user what the journal needs"
_WRONG_PASSWORD = "Redis refuses the password"
_MOVING = "the cluster is just moving the keys of the chat to another node"

_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (exceptions.AuthenticationError, _WRONG_PASSWORD),
    (exceptions.AuthorizationError, _NOT_ALLOWED),
)

_CODES = {
    "OOM": "the memory of Redis is full",
    "MISCONF": "Redis cannot write its file",
    "NOREPLICAS": "Redis has fewer replicas than its `min-replicas-to-write`",
    "NOPERM": _NOT_ALLOWED,
    "WRONGPASS": _WRONG_PASSWORD,
    "NOAUTH": _WRONG_PASSWORD,
    "equal or smaller than the target": "the newest entry of a stream of the chat was written by hand",
    "Script attempted to access a non local key": _MOVING,
}


_REPLACED = "wrong kind of value"

_DAMAGED = re.compile(r"DAMAGED (\w+) (\w+)|(hash value is not an integer)")
"""The error of `meta` in prelude.lua about a field, and that of Redis itself."""

_NAMED = re.compile(r"REPLACED (\S+)")
"""The error of `raise` in prelude.lua about a key."""

_LINE = re.compile(r"user_script:(\d+)")


def no_key(_line: int) -> str:
    """Return the name of the key of a command that has none."""
    return ""


def translated(error: exceptions.RedisError, key_at: KeyAt = no_key) -> Exception:
    """Return an error of coredis as one of a journal, or NoScriptError."""
    text = str(error)
    if isinstance(error, exceptions.NoScriptError):
        return NoScriptError()
    if damaged := _damaged(text, key_at):
        return damaged
    if isinstance(error, exceptions.BusyLoadingError) or text.startswith("LOADING"):
        return NotConnectedError("Redis is still loading its data")
    if text.startswith("BUSY "):
        return NotConnectedError("Redis is busy with a long script of another program: SCRIPT KILL ends it")
    if isinstance(error, exceptions.ReadOnlyError) or "READONLY" in text:  # the latter from within a script
        return ReplicaError()
    if moved := _moved(error):
        return moved
    if reason := _distrust(error):
        return RedisRefusedError(f"the certificate of Redis is not trusted: {reason}")
    if isinstance(error, exceptions.UnblockedError):  # it became a replica, and lets nobody wait
        return NoAnswerError(LOST)
    if isinstance(error, exceptions.ConnectionError):
        return NoAnswerError("Redis cannot be reached" if "Unable to establish" in text else LOST)
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return RedisRefusedError(sentence)
    return RedisRefusedError(_reason(text))


def _damaged(text: str, key_at: KeyAt) -> JournalError | None:
    """Return the error of a key that somebody has written by hand, with its name as far as it is known."""
    line = _LINE.search(text)
    key = key_at(int(line[1]) if line else 0)
    if found := _DAMAGED.search(text):
        return DamagedKeyError(f"a number in {key}" if found[3] else f"the field {found[2]} of {found[1]}")
    named = _NAMED.search(text)
    if named or _REPLACED in text:
        return RedisRefusedError(
            f"a key of the chat in Redis was replaced by something else: {named[1] if named else key}"
        )
    return None


def _moved(error: exceptions.RedisError) -> NotConnectedError | None:
    """Return the error of a node of a cluster that could not do what it was asked, and did nothing."""
    match error:
        case exceptions.MovedError():
            return MovedAwayError("the cluster has the keys of the chat on another node", error.host, error.port)
        case exceptions.AskError() | exceptions.TryAgainError():
            return NotConnectedError(_MOVING)  # the other node has a part only, and must not be written to
        case exceptions.ClusterDownError():
            return NotConnectedError("the cluster is down: some of its keys are on no node that works")
    return None


def _distrust(error: BaseException | None) -> str:
    """Return the reason why a certificate was refused, if that is among the causes of an error; else ""."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


def _reason(text: str) -> str:
    """Return the reason of a refusal in a sentence. The error may come from within a script, with its code inside."""
    for code, sentence in _CODES.items():
        if code in text:
            return sentence
    return f"Redis refuses: {text[:200]}"
