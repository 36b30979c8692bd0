"""Requests about names, carried out in one place for lines and frames."""

from dataclasses import dataclass
from typing import Literal

from trio_chat.chat.accounts.account import Where
from trio_chat.chat.answers import NameRequest
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.server.sessions.context import SessionContext

NO_NAMES = "names cannot be kept on this server"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question whose answer is the next line: what the secret is for, the name, and a first answer to compare."""

    what: Literal["register", "login", "password", "invite"]
    name: str
    first: str = ""


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """The rows of an answer, and the question that follows."""

    rows: tuple[str, ...] = ()
    asks: Ask | None = None


async def carry_out(context: SessionContext, client: Client, where: Where, request: NameRequest) -> NameAnswer:
    """Carry out a request of a client. Raises ChatError and JournalError."""
    raise ChatError("names", NO_NAMES)
