"""Warnings about a ban or a mute that may reach further than its operator means."""

from quart import request

from trio_chat.chat.chat import Chat
from trio_chat.chat.operators.networks import Network, address_of


def warnings_of(chat: Chat, network: Network | None, count: int, *, would: str) -> list[str]:
    """Return sentences about what it would do (`would`) to everybody, or at the address of whoever asks."""
    warnings = []
    total = len(chat.clients) + len(chat.away)
    if total and count >= total:
        warnings.append(f"It would {would} everybody: {'the only client' if total == 1 else f'all {total} clients'}.")
    asking = request.remote_addr
    if network is not None and asking and address_of(asking) in network:
        warnings.append(f"Your own address, {asking}, is among those that it is for.")
    return warnings
