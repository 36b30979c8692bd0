"""The ssh agent (draft-ietf-sshm-ssh-agent): its keys, and its signatures. Whatever it answers is bounded."""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator

import trio

from trio_chat.chat.accounts.account import KEY_TYPE, is_blob
from trio_chat.chat.accounts.proof import SIGNATURE_BYTES

ANSWER_MAX = 256 * 1024
KEYS_MAX = 100
ANSWER_TIMEOUT_S = 5.0

_LIST, _LISTED, _SIGN, _SIGNED = 11, 12, 13, 14


class AgentError(Exception):
    """The agent did not do it; the text says why in a few words."""


async def agent_keys() -> list[str]:
    """Return the blobs of the agent's Ed25519 keys, KEYS_MAX at most. Raises AgentError."""
    answer = await _ask(bytes([_LIST]), _LISTED)
    strings = list(_strings(answer[4:], 2 * KEYS_MAX))  # after their number: each key, and its comment
    blobs = (b64encode(key).decode() for key in strings[::2])
    return [blob for blob in blobs if is_blob(blob)]


async def agent_signature(blob: str, data: bytes) -> str:
    """Return the agent's signature with a key over bytes, in base64. Raises AgentError."""
    request = bytes([_SIGN]) + _string(b64decode(blob)) + _string(data) + bytes(4)
    answer = await _ask(request, _SIGNED)
    kind, signature, *_ = (*(part for whole in _strings(answer, 1) for part in _strings(whole, 2)), b"", b"")
    if kind != KEY_TYPE.encode() or len(signature) != SIGNATURE_BYTES:
        raise AgentError("its signature is of another kind")
    return b64encode(signature).decode()


async def _ask(request: bytes, expected: int) -> bytes:
    """Send a request. -> the answer without its type. Raises AgentError."""
    if not (address := os.environ.get("SSH_AUTH_SOCK")):
        raise AgentError("there is no agent: SSH_AUTH_SOCK is not set")
    try:
        with trio.fail_after(ANSWER_TIMEOUT_S):
            async with await trio.open_unix_socket(address) as stream:
                await stream.send_all(_string(request))
                answer = await _receive(stream)
    except trio.TooSlowError as error:
        raise AgentError(f"no answer within {ANSWER_TIMEOUT_S:g} s") from error
    except (OSError, RuntimeError, trio.BrokenResourceError) as error:
        raise AgentError("it cannot be reached") from error
    if answer[:1] != bytes([expected]):
        raise AgentError("it refused")
    return answer[1:]


async def _receive(stream: trio.abc.ReceiveStream) -> bytes:
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4]):
        if len(data) >= 4 and int.from_bytes(data[:4]) > ANSWER_MAX:
            raise AgentError("its answer is too long")
        if not (more := await stream.receive_some(65536)):
            raise AgentError("it hung up")
        data += more
    return data[4:]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _strings(data: bytes, most: int) -> Iterator[bytes]:
    """Yield strings of the SSH protocol as far as they are whole."""
    for _ in range(most):
        end = 4 + int.from_bytes(data[:4])
        if not 4 <= end <= len(data):
            return
        yield data[4:end]
        data = data[end:]
