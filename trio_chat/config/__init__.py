"""Settings: each is declared once; its flag, environment variable, TOML key and documentation are derived from that.

It must not know the effect of a setting in the server or the client.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from trio_chat.chat.operators.networks import Network
from trio_chat.config.admin_address import AdminAddress, read_address, remove_address, write_address
from trio_chat.config.folders import data_folder, state_folder
from trio_chat.config.host_argument import CHAT_PORT
from trio_chat.config.loading import (
    CONFIG_VARIABLE,
    DEFAULT_SOURCE,
    CollectedSettings,
    ConfigError,
    Setting,
    SettingMeta,
    SourcedValue,
    collect,
    load,
    settings_of,
    unknown_variables,
)
from trio_chat.config.password_file import PASSWORD_MAX, read_password_file
from trio_chat.config.setting_types import (
    BOOLEAN,
    RetentionLimit,
    Secret,
    choice,
    duration,
    host,
    integer,
    networks,
    passphrase,
    path,
    retention_limits,
    size,
    text,
    text_list,
    url,
)
from trio_chat.config.token_file import ADMIN_TOKEN, read_token_file
from trio_chat.journal.engines import forms_help
from trio_chat.journal.urls import without_password

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_SOURCE",
    "AdminAddress",
    "CollectedSettings",
    "ConfigError",
    "JoinSettings",
    "OperatorSettings",
    "ServeSettings",
    "Setting",
    "SourcedValue",
    "collect",
    "load",
    "read_address",
    "read_password_file",
    "read_token_file",
    "remove_address",
    "settings_of",
    "state_folder",
    "unknown_variable_warnings",
    "write_address",
]

ADDRESSES = "Addresses"
ADMIN = "Admin API"
STORAGE = "Storage"
SECRECY = "TLS and password"
ADMISSION = "Who may connect"
IDENTITY = "Names"
PEOPLE = "Rates and time-outs of clients"
MEMORY = "Memory"
OPERATION = "Console, log and shutdown"
STICKERS = "Stickers"

PORT = integer(0, 65535, metavar="PORT")
HOST = host("ADDRESS", "an address, a host name, or * for every interface")
COUNT = integer(0, 10**9)
FILE = path("FILE", "a file")
NETWORKS = networks("NETWORK")
KEEP = retention_limits(duration(60, 100 * 365 * 86400), integer(1, 10**15))
NAMES = text_list("NAME", "host names")
PASSWORD = passphrase(PASSWORD_MAX)

Networks = tuple[Network, ...]


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `trio-chat serve`."""

    host: Annotated[
        str, SettingMeta("Address that the chat listens on.", HOST, "every interface, IPv4 and IPv6", section=ADDRESSES)
    ] = ""
    port: Annotated[int, SettingMeta("Port of the chat; 0 chooses a free one.", PORT, section=ADDRESSES)] = CHAT_PORT
    admin_host: Annotated[str, SettingMeta("Address that the admin API listens on.", HOST, section=ADDRESSES)] = (
        "127.0.0.1"
    )
    admin_port: Annotated[int, SettingMeta("Port of the admin API; 0 chooses a free one.", PORT, section=ADDRESSES)] = (
        8080
    )
    admin_token: Annotated[
        Secret | None,
        SettingMeta(
            "Token that the admin API requires, of at least 16 characters.", ADMIN_TOKEN, "no token", section=ADMIN
        ),
    ] = None
    admin_token_file: Annotated[
        Path | None,
        SettingMeta(
            "File with the admin API's token on its first line; created with a new token if it is missing.",
            FILE,
            "no token",
            section=ADMIN,
        ),
    ] = None
    admin_allow: Annotated[
        Networks,
        SettingMeta("Network that may use the admin API without a token; repeatable.", NETWORKS, "none", section=ADMIN),
    ] = ()
    admin_open: Annotated[
        bool,
        SettingMeta("Let anyone use an admin API that has no token, also from other machines.", BOOLEAN, section=ADMIN),
    ] = False
    admin_name: Annotated[
        tuple[str, ...],
        SettingMeta(
            "Host name by which the admin API may be addressed, besides this machine's; repeatable.",
            NAMES,
            "none",
            section=ADMIN,
        ),
    ] = ()
    admin_tls: Annotated[
        bool,
        SettingMeta("Serve the admin API over TLS only, with the certificate of the chat.", BOOLEAN, section=ADMIN),
    ] = False
    data: Annotated[
        Path,
        SettingMeta(
            "Folder for the server's data; created if it is missing.",
            path("DIR", "a folder"),
            "the user's data folder",
            section=STORAGE,
        ),
    ] = msgspec.field(default_factory=data_folder)
    journal: Annotated[
        str,
        SettingMeta(
            f"Where the history is stored: {forms_help()}.",
            text("URL", "the URL of a journal", show=without_password),
            section=STORAGE,
        ),
    ] = "sqlite:"
    journal_durability: Annotated[
        Literal["strict", "assured", "relaxed"],
        SettingMeta(
            "Durability that a journal in Redis must have: strict, on disk before anyone sees it; assured, the same on "
            "your word, where Redis hides its settings; or relaxed, as Redis is set.",
            choice("DURABILITY", "strict", "assured", "relaxed"),
            section=STORAGE,
        ),
    ] = "strict"
    console: Annotated[bool, SettingMeta("Accept console commands on stdin.", BOOLEAN, section=OPERATION)] = True
    tls: Annotated[
        bool,
        SettingMeta(
            "Accept TLS on the chat port with a certificate that is made in the data folder if none is there.",
            BOOLEAN,
            section=SECRECY,
        ),
    ] = False
    tls_cert: Annotated[
        Path | None,
        SettingMeta(
            "PEM file with the certificate and its chain; the chat port then accepts TLS too.",
            FILE,
            "no TLS",
            is_live=True,
            section=SECRECY,
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        SettingMeta(
            "PEM file with the private key of the certificate.",
            FILE,
            "in the file of the certificate",
            is_live=True,
            section=SECRECY,
        ),
    ] = None
    tls_required: Annotated[
        bool, SettingMeta("Refuse clients without TLS.", BOOLEAN, is_live=True, section=SECRECY)
    ] = False
    proxy_cert: Annotated[
        Path | None,
        SettingMeta(
            "PEM file with the certificate of the proxy that ends TLS, to which proofs of names are bound.",
            FILE,
            "none",
            is_live=True,
            section=SECRECY,
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        SettingMeta(
            "File with the password of the chat on its first line.", FILE, "no password", is_live=True, section=SECRECY
        ),
    ] = None
    max_clients: Annotated[
        int,
        SettingMeta(
            "Maximum number of connections; 0 means as many as the limit of open files allows.",
            COUNT,
            is_live=True,
            section=ADMISSION,
        ),
    ] = 0
    max_per_address: Annotated[
        int,
        SettingMeta(
            "Maximum number of connections from one IPv4 address or IPv6 /64, this machine excepted; 0 means no limit.",
            COUNT,
            is_live=True,
            section=ADMISSION,
        ),
    ] = 256
    connect_rate: Annotated[
        int,
        SettingMeta(
            "New connections per second from one such address, in bursts of up to ten times as many; 0 means no limit.",
            COUNT,
            is_live=True,
            section=ADMISSION,
        ),
    ] = 20
    allow: Annotated[
        Networks,
        SettingMeta(
            "Network that may connect; repeatable.", NETWORKS, "every network", is_live=True, section=ADMISSION
        ),
    ] = ()
    deny: Annotated[
        Networks,
        SettingMeta(
            "Network that may not connect, even if allowed; repeatable.",
            NETWORKS,
            "none",
            is_live=True,
            section=ADMISSION,
        ),
    ] = ()
    proxy: Annotated[
        Networks,
        SettingMeta(
            "Network of proxies, which must send a PROXY header; repeatable.",
            NETWORKS,
            "none",
            is_live=True,
            section=ADMISSION,
        ),
    ] = ()
    names: Annotated[
        Literal["open", "claimed", "members"],
        SettingMeta(
            "Names of people who have claimed none: open, any that is free; claimed, guest-NAME; members, nobody comes "
            "in without a name of their own or an invite.",
            choice("MODE", "open", "claimed", "members"),
            is_live=True,
            section=IDENTITY,
        ),
    ] = "open"
    stickers: Annotated[
        Path | None,
        SettingMeta(
            "TOML file with stickers for everybody, pictures included; its changes take effect within seconds.",
            FILE,
            "none",
            section=STICKERS,
        ),
    ] = None
    names_file: Annotated[
        Path | None,
        SettingMeta(
            "File with names that are handed out: public keys as in ssh's authorized_keys, each with its name as the "
            "comment.",
            FILE,
            "none",
            is_live=True,
            section=IDENTITY,
        ),
    ] = None
    names_unseen: Annotated[
        float,
        SettingMeta(
            "How long a claimed name that nobody uses stays claimed; 0 means for ever.",
            duration(0, 100 * 365 * 86400),
            is_live=True,
            section=IDENTITY,
        ),
    ] = 365 * 86400.0
    plain_passwords: Annotated[
        bool,
        SettingMeta(
            "Take passwords of names over connections without TLS from other machines too, where others can read them.",
            BOOLEAN,
            is_live=True,
            section=IDENTITY,
        ),
    ] = False
    rate: Annotated[
        int,
        SettingMeta(
            "Lines per second that a client may send in the long run; more are delayed. 0 means no limit.",
            integer(0, 10**6),
            is_live=True,
            section=PEOPLE,
        ),
    ] = 5
    burst: Annotated[
        int,
        SettingMeta(
            "Lines that a client may send at once before that.", integer(1, 10**6), is_live=True, section=PEOPLE
        ),
    ] = 20
    window_entries: Annotated[
        int,
        SettingMeta(
            "Newest entries of each room to keep in memory, for slow readers.", integer(1, 10**9), section=MEMORY
        ),
    ] = 65536
    window_bytes: Annotated[
        int, SettingMeta("Maximum memory for these entries, per room.", size(64 * 1024, 64 * 1024**3), section=MEMORY)
    ] = 16 * 1024**2
    window_total: Annotated[
        int,
        SettingMeta(
            "Maximum memory for the entries of all rooms together, or a quarter of the process's memory limit if less.",
            size(1024**2, 64 * 1024**3),
            section=MEMORY,
        ),
    ] = 256 * 1024**2
    keep: Annotated[
        tuple[RetentionLimit, ...],
        SettingMeta(
            "Age (`30d`) or number of the entries to keep; repeatable, for both.",
            KEEP,
            "everything",
            is_live=True,
            section=STORAGE,
        ),
    ] = ()
    hold: Annotated[
        float,
        SettingMeta(
            "How long a client with a session stays a member after its connection broke.",
            duration(0, 86400),
            is_live=True,
            section=PEOPLE,
        ),
    ] = 60.0
    announce_max: Annotated[
        int,
        SettingMeta(
            "Rooms with more members than this announce joins and leaves in summary.",
            integer(0, 10**9),
            is_live=True,
            section=PEOPLE,
        ),
    ] = 500
    stall_timeout: Annotated[
        float,
        # After 38 s the kernel ends the connection (TCP_USER_TIMEOUT): see `server.transport.listener`.
        SettingMeta(
            "Disconnect a reader that accepts no data for this long.", duration(0.1, 35), is_live=True, section=PEOPLE
        ),
    ] = 30.0
    drain: Annotated[
        float,
        SettingMeta(
            "How long people may stay after SIGTERM, while those of our client are sent to other servers one after the "
            "other; 0 stops at once.",
            duration(0, 3600),
            section=OPERATION,
        ),
    ] = 0.0
    log_format: Annotated[
        Literal["text", "json"],
        SettingMeta("Format of the log on stderr: text or json.", choice("FORMAT", "text", "json"), section=OPERATION),
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        SettingMeta(
            "Lowest level that is logged: debug, info, warning or error.",
            choice("LEVEL", "debug", "info", "warning", "error"),
            is_live=True,
            section=OPERATION,
        ),
    ] = "info"


class OperatorSettings(ServeSettings, frozen=True, kw_only=True):
    """Settings of the commands for operators: those of the server, by which it is found, and where else it may be."""

    admin: Annotated[
        str | None,
        SettingMeta(
            "URL of the admin API, or HOST:PORT; a name before an @ is shown in the audit.",
            url("URL", "http:// or https:// with a host, and a port if needed, such as https://chat.example.org:8080"),
            "the server that runs on the data folder",
        ),
    ] = None
    admin_token_file: Annotated[
        Path | None,
        SettingMeta(
            "File with the admin API's token on its first line.", FILE, "that of the server, if it is on this machine"
        ),
    ] = None
    admin_ca: Annotated[
        Path | None,
        SettingMeta(
            "PEM file with the only certificate authority to trust, instead of the system's.",
            FILE,
            "the system's; on this machine, any certificate",
        ),
    ] = None


class JoinSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `trio-chat join`."""

    nick: Annotated[
        str | None,
        SettingMeta(
            "Name that others see.", text("NAME", "a name"), "$USER at a terminal, else your address", short="n"
        ),
    ] = None
    room: Annotated[
        str | None,
        SettingMeta(
            "Room to start in, and no other.",
            text("ROOM", "a room's name"),
            "at a terminal the rooms of last time, else lobby",
            short="r",
        ),
    ] = None
    view: Annotated[
        str | None,
        SettingMeta(
            "At a terminal, show the chat line by line (lines), or on the whole screen with rooms and members beside "
            "it (screen).",
            choice("VIEW", "lines", "screen"),
            "screen where the terminal can show it, else lines",
        ),
    ] = None
    mouse: Annotated[
        bool,
        SettingMeta(
            "On the full screen, scroll by the wheel and go to a room by a click; most terminals then select text with "
            "Shift.",
            BOOLEAN,
        ),
    ] = False
    theme: Annotated[
        str,
        SettingMeta(
            "Colours of the full screen: terminal, dark, light, mono, or a theme from your client.toml.",
            text("NAME", "the name of a theme"),
        ),
    ] = "terminal"
    highlight: Annotated[
        tuple[str, ...],
        SettingMeta(
            "Word that counts as a mention, as your name does; repeatable.",
            text_list("WORD", "words"),
            "none",
        ),
    ] = ()
    history: Annotated[
        int, SettingMeta("At a terminal, number of past lines to show when entering a room.", integer(0, 100))
    ] = 20
    bell: Annotated[
        bool,
        SettingMeta("At a terminal, ring the bell when someone mentions you or sends you a private message.", BOOLEAN),
    ] = True
    links: Annotated[bool, SettingMeta("On the full screen, let the terminal open web addresses (OSC 8).", BOOLEAN)] = (
        True
    )
    times: Annotated[
        bool | None, SettingMeta("Show the local time of each line.", BOOLEAN, "true at a terminal, false on a pipe")
    ] = None
    wrap: Annotated[
        bool,
        SettingMeta(
            "At a terminal, break long lines at words; else the terminal breaks them, and copies each as one line.",
            BOOLEAN,
        ),
    ] = True
    remember: Annotated[
        bool,
        SettingMeta(
            "At a terminal, remember for the next time the rooms that you are in, whom you ignore and how far you have "
            "read.",
            BOOLEAN,
        ),
    ] = True
    typed_history: Annotated[
        bool,
        SettingMeta("At a terminal, remember the lines that you type, for the arrow keys of the next time.", BOOLEAN),
    ] = True
    once: Annotated[
        bool, SettingMeta("Exit with status 1 when the connection is lost, instead of reconnecting.", BOOLEAN)
    ] = False
    wait: Annotated[
        float,
        SettingMeta(
            "In a pipeline, how long to try to reach the server after the end of the input; what is not sent by then "
            "is kept for the next time.",
            duration(0, 30 * 86400),
        ),
    ] = 20
    commands: Annotated[
        bool, SettingMeta("In a pipeline, take lines that begin with a slash as commands, not as text.", BOOLEAN)
    ] = False
    tls: Annotated[
        bool | None, SettingMeta("Connect over TLS only.", BOOLEAN, "true if the server is known to have it")
    ] = None
    tls_ca: Annotated[
        Path | None,
        SettingMeta(
            "PEM file with the only certificate authority to trust, instead of the system's; implies TLS.", FILE, "none"
        ),
    ] = None
    password_file: Annotated[
        Path | None, SettingMeta("File with the server's password on its first line.", FILE, "none")
    ] = None
    password: Annotated[
        Secret | None, SettingMeta("The server's password, if there is no file with it.", PASSWORD, "none")
    ] = None
    key: Annotated[
        str | None,
        SettingMeta(
            "OpenSSH key of the type Ed25519 that proves your name, or agent for one in the ssh agent.",
            text("FILE", "a file, or agent"),
            "the key that this client made, if it did",
        ),
    ] = None
    plain_passwords: Annotated[
        bool,
        SettingMeta(
            "Send the password of your name to other machines over a connection that is not encrypted.", BOOLEAN
        ),
    ] = False
    pictures: Annotated[
        str,
        SettingMeta(
            "At a terminal, draw stickers that are pictures: auto, as well as the terminal can; blocks, of coloured "
            "half blocks; none, as text.",
            choice("HOW", "auto", "blocks", "none"),
        ),
    ] = "auto"
    animation: Annotated[
        bool, SettingMeta("Play stickers that are moving pictures, once each time that somebody says one.", BOOLEAN)
    ] = True
    stickers: Annotated[
        Path | None,
        SettingMeta("TOML file with stickers in addition to the built-in ones.", FILE, "none"),
    ] = None


def unknown_variable_warnings(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each unknown environment variable that looks like one of our settings."""
    settings = (*settings_of(OperatorSettings), *settings_of(JoinSettings))
    return list(unknown_variables(environment, {CONFIG_VARIABLE, *(setting.variable for setting in settings)}))
