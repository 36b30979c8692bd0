"""Settings: each is declared once, and its flag, environment variable, TOML key and documentation follow from that.

It must not know what a setting does to the server or the client, nor who asks for it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from platformdirs import user_data_path

from trio_chat.chat.operators.networks import Network
from trio_chat.config.kinds import (
    SWITCH,
    Keep,
    Secret,
    choice,
    duration,
    host,
    keeping,
    networks,
    passphrase,
    path,
    secret,
    size,
    text,
    texts,
    whole,
)
from trio_chat.config.loading import (
    ConfigError,
    Declared,
    Given,
    Setting,
    Survey,
    ignored,
    live_list,
    load,
    settings_of,
    settings_table,
    survey,
)
from trio_chat.config.password_file import PASSWORD_MAX, read_password_file
from trio_chat.journal.engines import forms_help

__all__ = [
    "ADMIN_TOKEN",
    "CONFIG_VARIABLE",
    "ConfigError",
    "Given",
    "JoinSettings",
    "ServeSettings",
    "Setting",
    "Survey",
    "ignored_variables",
    "live_list",
    "load",
    "read_password_file",
    "settings_of",
    "settings_table",
    "survey",
]

CONFIG_VARIABLE = "TRIO_CHAT_CONFIG"
"""Names the TOML file, and is no setting itself."""

PORT = whole(0, 65535, metavar="PORT")
HOST = host("ADDRESS", "an address, a host name, or * for every interface")
COUNT = whole(0, 10**9)
FILE = path("FILE", "a file")
NETWORKS = networks("NETWORK")
KEEP = keeping(duration(60, 100 * 365 * 86400), whole(1, 10**15))
NAMES = texts("NAME", "host names")
ADMIN_TOKEN = secret(16, 256)
PASSWORD = passphrase(PASSWORD_MAX)

Networks = tuple[Network, ...]


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `trio-chat serve` can be told."""

    host: Annotated[str, Declared("Address to accept chat on.", HOST, "every interface, IPv4 and IPv6")] = ""
    port: Annotated[int, Declared("Port of the chat; 0 takes a free one.", PORT)] = 5555
    admin_host: Annotated[str, Declared("Address of the admin API.", HOST)] = "127.0.0.1"
    admin_port: Annotated[int, Declared("Port of the admin API; 0 takes a free one.", PORT)] = 8080
    admin_token: Annotated[
        Secret | None,
        Declared("Token that the admin API asks for, of at least 16 characters.", ADMIN_TOKEN, "no token"),
    ] = None
    admin_token_file: Annotated[
        Path | None,
        Declared(
            "File with the admin API's token on its first line; made with a new one where there is none.",
            FILE,
            "no token",
        ),
    ] = None
    admin_allow: Annotated[
        Networks,
        Declared("Network that may use the admin API without a token; can be given again.", NETWORKS, "none"),
    ] = ()
    admin_open: Annotated[
        bool, Declared("Let anybody use an admin API that has no token and listens on other addresses.", SWITCH)
    ] = False
    admin_name: Annotated[
        tuple[str, ...],
        Declared("Host name, beside this machine's, to call the admin API by; can be given again.", NAMES, "none"),
    ] = ()
    admin_tls: Annotated[
        bool, Declared("Serve the admin API over TLS alone, with the certificate of the chat.", SWITCH)
    ] = False
    data: Annotated[
        Path,
        Declared("Folder for what is kept; made if need be.", path("DIR", "a folder"), "the user's data folder"),
    ] = msgspec.field(default_factory=lambda: user_data_path("trio-chat", appauthor=False))
    journal: Annotated[
        str,
        Declared(
            f"Where entries are kept: {forms_help()}.",
            text("URL", "the URL of a journal"),
        ),
    ] = "sqlite:"
    console: Annotated[bool, Declared("Obey commands typed to the server.", SWITCH)] = True
    tls_cert: Annotated[
        Path | None,
        Declared(
            "PEM file with the certificate and its chain: the chat port then takes TLS too.",
            FILE,
            "no TLS",
            is_live=True,
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        Declared("PEM file with the key of the certificate.", FILE, "in the file of the certificate", is_live=True),
    ] = None
    tls_required: Annotated[bool, Declared("Refuse clients without TLS.", SWITCH, is_live=True)] = False
    password_file: Annotated[
        Path | None,
        Declared(
            "File with the password that everyone is asked for, on its first line.", FILE, "no password", is_live=True
        ),
    ] = None
    max_clients: Annotated[
        int,
        Declared("The most connections at a time; 0 is as many as files may be open.", COUNT, is_live=True),
    ] = 0
    max_per_address: Annotated[
        int,
        Declared(
            "The most connections from one IPv4 address or IPv6 /64, but not from here; 0 is any.", COUNT, is_live=True
        ),
    ] = 256
    connect_rate: Annotated[
        int,
        Declared(
            "New connections a second from one such address, ten times as many at once; 0 is any.", COUNT, is_live=True
        ),
    ] = 20
    allow: Annotated[
        Networks, Declared("Network that may connect; can be given again.", NETWORKS, "every one", is_live=True)
    ] = ()
    deny: Annotated[
        Networks,
        Declared("Network that may not connect, even if allowed; can be given again.", NETWORKS, "none", is_live=True),
    ] = ()
    proxy: Annotated[
        Networks,
        Declared(
            "Network of proxies, which must send a PROXY header; can be given again.", NETWORKS, "none", is_live=True
        ),
    ] = ()
    rate: Annotated[
        int,
        Declared(
            "Lines a second that a client can go on saying; more wait. 0 is any number.", whole(0, 10**6), is_live=True
        ),
    ] = 5
    burst: Annotated[
        int, Declared("Lines that a client can say at once before that.", whole(1, 10**6), is_live=True)
    ] = 20
    window_entries: Annotated[
        int, Declared("Newest entries of each room kept in memory, for slow readers.", whole(1, 10**9))
    ] = 65536
    window_bytes: Annotated[
        int, Declared("The most memory that these may take in each room.", size(64 * 1024, 64 * 1024**3))
    ] = 16 * 1024**2
    keep: Annotated[
        tuple[Keep, ...],
        Declared(
            "How long (`30d`) or how many entries are kept; can be given for both.", KEEP, "everything", is_live=True
        ),
    ] = ()
    hold: Annotated[
        float,
        Declared(
            "How long the place of a client with a session is held when its connection broke.",
            duration(0, 86400),
            is_live=True,
        ),
    ] = 60.0
    announce_max: Annotated[
        int, Declared("Rooms with more members sum up who comes and goes.", whole(0, 10**9), is_live=True)
    ] = 500
    stall_timeout: Annotated[
        float,
        # After 38 s the system ends the connection by itself: see `server.listener`.
        Declared("A reader that takes nothing for this long is disconnected.", duration(0.1, 35), is_live=True),
    ] = 30.0
    log_format: Annotated[
        Literal["text", "json"],
        Declared("How the log on stderr is written: text or json.", choice("FORMAT", "text", "json")),
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Declared(
            "The least of what is logged: debug, info, warning or error.",
            choice("LEVEL", "debug", "info", "warning", "error"),
            is_live=True,
        ),
    ] = "info"


class JoinSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `trio-chat join` can be told."""

    nick: Annotated[str | None, Declared("The name that others see.", text("NAME", "a name"), "your address")] = None
    room: Annotated[str, Declared("The room to begin in.", text("ROOM", "a room's name"))] = "lobby"
    history: Annotated[
        int, Declared("At a terminal, the lines that are shown of a room when it is entered.", whole(0, 100))
    ] = 20
    bell: Annotated[
        bool, Declared("At a terminal, ring its bell when somebody says your name or writes to you alone.", SWITCH)
    ] = True
    times: Annotated[bool, Declared("Show when each line was said, by the clock here.", SWITCH)] = False
    once: Annotated[bool, Declared("Do not come back when the connection is lost: end with status 1.", SWITCH)] = False
    tls: Annotated[bool, Declared("Speak TLS, and nothing else.", SWITCH)] = False
    tls_ca: Annotated[
        Path | None,
        Declared("PEM file with the one authority to trust, in place of the system's; means TLS.", FILE, "none"),
    ] = None
    password_file: Annotated[
        Path | None, Declared("File with the server's password, on its first line.", FILE, "none")
    ] = None
    password: Annotated[
        Secret | None, Declared("The server's password, where there is no file with it.", PASSWORD, "none")
    ] = None
    stickers: Annotated[
        Path | None,
        Declared("TOML file with more stickers than the built-in ones.", FILE, "none"),
    ] = None


def ignored_variables(environment: Mapping[str, str]) -> list[str]:
    """Say which variables look like settings of ours and are none, a sentence each."""
    settings = (*settings_of(ServeSettings), *settings_of(JoinSettings))
    return list(ignored(environment, {CONFIG_VARIABLE, *(setting.variable for setting in settings)}))
