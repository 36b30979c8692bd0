"""The address of a Redis, as the URL of a journal names it."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PORT = 6379

DEFAULT_CHAT = "trio-chat"

NAME_CHARS_MAX = 64

LEASE_MIN_S, LEASE_MAX_S = 2, 300


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A Redis, the database in it, how to get in, and the name of the chat: its keys have that in common."""

    host: str
    port: int = DEFAULT_PORT
    database: int = 0
    username: str | None = None
    password: str | None = None
    chat: str = DEFAULT_CHAT
    is_encrypted: bool = False
    certificates: str | None = None
    """A file with the certificates that the server's has to be signed by; None for those of the system."""
    node: str | None = None
    """The name of this node; None for the random one in the data folder."""
    lease_s: int = 10
    """The time for which a node may be silent before others take it for gone. The same for all."""

    @property
    def prefix(self) -> str:
        """The beginning of all keys. The part in braces decides where a cluster has them: all in one place."""
        return f"{{{self.chat}}}:"

    def __str__(self) -> str:
        """Return the URL without the password: it is for messages and logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        chat = "" if self.chat == DEFAULT_CHAT else f"?chat={self.chat}"
        return f"redis{'s' * self.is_encrypted}://{host}:{self.port}/{self.database}{chat}"


def accepts(location: str, *, is_encrypted: bool = False) -> bool:
    """Tell whether this can be an address: what follows the scheme and its colon."""
    try:
        read_address(location, is_encrypted=is_encrypted)
    except ValueError:
        return False
    return True


def read_address(location: str, *, is_encrypted: bool = False) -> RedisAddress:
    """Read what follows the scheme and its colon: `//USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS`.

    The options are chat=NAME, node=NAME, lease=SECONDS and, where it is encrypted, ca=FILE.

    Raises ValueError.
    """
    parts = urlsplit(f"redis:{location}")
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    chat, node = options.pop("chat", DEFAULT_CHAT), options.pop("node", None)
    certificates, lease = options.pop("ca", None), options.pop("lease", "10")
    database = parts.path.strip("/") or "0"
    if not parts.hostname or parts.fragment or options or (certificates and not is_encrypted):
        raise ValueError(location)
    if not (database.isascii() and database.isdigit() and len(database) < 6):
        raise ValueError(location)
    if not (lease.isascii() and lease.isdigit() and LEASE_MIN_S <= int(lease[:9]) <= LEASE_MAX_S):
        raise ValueError(location)
    if not _is_name(chat) or (node is not None and not _is_name(node)):
        raise ValueError(location)
    return RedisAddress(
        parts.hostname,
        parts.port or DEFAULT_PORT,
        int(database),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        chat,
        is_encrypted,
        certificates,
        node,
        int(lease),
    )


def _is_name(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= NAME_CHARS_MAX
