"""How many clients there can be: what the operator decides, within the files that may be open."""

import resource

from trio_chat.config import ServeSettings
from trio_chat.server.admission import Limits

RESERVED_FILES = 200
"""Open files that are no clients: the journal, those who ask the admin API, and whom there is no room for."""


def raise_file_limit() -> None:
    """Use all the file descriptors that the system grants: each client is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limits_of(settings: ServeSettings) -> Limits:
    """What the settings say of who may connect. More clients than there can be open files are none."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = files - min(RESERVED_FILES, files // 4) if files != resource.RLIM_INFINITY else 0
    return Limits(
        clients=min(filter(None, (settings.max_clients, room)), default=0),
        per_address=settings.max_per_address,
        connect_rate=settings.connect_rate,
        allow=settings.allow,
        deny=settings.deny,
        proxies=settings.proxy,
    )
