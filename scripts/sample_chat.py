"""A sample chat for pictures: people, rooms, an hour of traffic, and some trouble. It is the same at each run."""

import base64
import math
import random
from collections.abc import Sequence
from types import MappingProxyType

from admin_api.series import INTERVAL_S, SAMPLES, Sample
from tests.admin_api.conftest import AdminServer, HeldOutlet
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.bans import make_ban
from trio_chat.chat.operators.networks import read_network
from trio_chat.chat.outlet import Backlog

CLIENTS = 1204

ROOMS = MappingProxyType(
    {
        "lobby": "Welcome. The rules: be kind, and no secrets.",
        "ops": "Certificate renewal on Saturday at 22:00",
        "dev": "main is green",
        "support": "",
        "oncall": "mei until Monday",
        "release-2_4": "ships on Thursday",
    }
)

ANN, MEI = "http ann@192.0.2.14", "http mei@203.0.113.9"
"""Operators, as the audit log names them."""

PHRASES = ("good morning", "has anyone seen this before?", "done, thanks", "rebooting web-3", "works here", "see you")

SAID = (
    ("ops", "ann", "the new certificate is in place 🎉"),
    ("ops", "deploy", "web-3 restarted in 2.1 s"),
    ("ops", "mei", "bob: can you look at printer-3f? it takes nothing since half a minute"),
    ("ops", "bob", "on it 👍"),
    ("ops", "安德烈", "昨晚服务器重启了，现在一切正常"),
    ("ops", "νίκος", "ο δρομολογητής στη Θεσσαλονίκη έπεσε δύο φορές σήμερα"),
    ("ops", "ольга", "у нас тоже: узел eu-north терял пакеты с 14:20 до 14:26, сейчас всё чисто"),
    ("ops", "bob", "kicked the printer, it is back @smile"),
    ("dev", "zoë", "the flaky test was a race in the test, not in the code"),
    ("dev", "ravi", "thanks! merging"),
    ("support", "lena", "customer 4411 is back online"),
    ("oncall", "mei", "quiet night so far"),
    ("lobby", "tomás", "good morning everybody @smile"),
)

# nick, address, port, mode, rooms, seconds since the last line, seconds since it took something, entries behind
PEOPLE: Sequence[tuple[str, str, int, Mode, tuple[str, ...], float, float | None, int]] = (
    ("ann", "192.0.2.14", 47634, Mode.FRAMES, ("lobby", "dev", "ops"), 3, None, 0),
    ("deploy", "192.0.2.80", 50112, Mode.LINES, ("ops",), 41, None, 0),
    ("", "198.51.100.7", 53626, Mode.LINES, ("lobby",), 720, 1.2, 412),
    ("printer-3f", "2001:db8::1f", 40022, Mode.LINES, ("lobby",), 7400, 27, 980),
    ("mei", "203.0.113.9", 41822, Mode.FRAMES, ("oncall", "ops"), 74, None, 0),
    ("zoë", "192.0.2.33", 39114, Mode.LINES, ("dev",), 18, None, 0),
    ("bob", "192.0.2.21", 51800, Mode.FRAMES, ("lobby", "ops"), 9, None, 0),
    ("ravi", "203.0.113.61", 60311, Mode.LINES, ("release-2_4", "dev"), 132, None, 0),
    ("lena", "198.51.100.90", 44910, Mode.FRAMES, ("support",), 25, None, 0),
    ("tomás", "192.0.2.157", 58221, Mode.LINES, ("lobby",), 66, None, 0),
    ("", "203.0.113.77", 33870, Mode.LINES, ("lobby",), 2210, None, 0),
    ("νίκος", "203.0.113.30", 45120, Mode.FRAMES, ("ops",), 95, None, 0),
    ("ольга", "203.0.113.31", 45121, Mode.FRAMES, ("ops",), 70, None, 0),
    ("安德烈", "203.0.113.32", 45122, Mode.FRAMES, ("ops",), 50, None, 0),
    ("yuki", "2001:db8:7::a1", 49152, Mode.FRAMES, ("lobby", "release-2_4"), 410, None, 0),
)

# nick, keys, password, operator
NAMES: Sequence[tuple[str, int, bool, str]] = (
    ("ann", 2, True, ANN),
    ("mei", 1, False, ANN),
    ("bob", 1, True, MEI),
    ("lena", 0, True, MEI),
    ("νίκος", 3, False, MEI),
    ("安德烈", 1, False, MEI),
    ("carla", 0, False, ANN),
)
"""Claimed names; carla has not taken hers yet."""

RESOURCES = MappingProxyType(
    {
        "memory": (412 * 2**20, 2 * 2**30),
        "files": (1241, 65536),
        "disk": (31 * 2**30, 40 * 2**30),
        "data": (6 * 2**30, None),
    }
)

DISCONNECTS = MappingProxyType(
    {
        DisconnectReason.LEFT: 311,
        DisconnectReason.BROKEN: 84,
        DisconnectReason.RESUMED: 46,
        DisconnectReason.DEAD: 9,
        DisconnectReason.STALLED: 4,
        DisconnectReason.KICKED: 3,
    }
)


async def fill_chat(admin: AdminServer) -> None:
    """Fill an empty chat."""
    admin.chat.rules = admin.chat.rules.__class__(announce_max_members=20)
    await _hand_out(admin)
    people = [_join(admin, *person[:5]) for person in PEOPLE]
    _join(admin, "ann", "198.51.100.14", 51200, Mode.LINES, ("ops",))
    rng = random.Random(7)
    rooms = [name for name, weight in zip(ROOMS, (8, 3, 3, 2, 1, 1), strict=True) for _ in range(weight)]
    for number in range(len(PEOPLE), CLIENTS):
        mode = Mode.FRAMES if number % 3 else Mode.LINES
        _join(
            admin,
            f"guest{number}",
            f"10.{number % 7}.{number % 250}.{number % 90 + 1}",
            30000 + number,
            mode,
            (rng.choice(rooms),),
        )
    admin.now -= 2 * 3600
    for name, topic in ROOMS.items():
        if topic:
            admin.operator.set_topic(admin.chat.rooms.find(name), topic, by=ANN)
    await _chatter(admin, rng)
    admin.now += 2 * 3600 - 240
    for name, author, text in SAID:
        admin.now += 25
        client, *_ = admin.chat.directory.find(author)
        admin.chat.say(client, admin.chat.rooms.find(name), text)
        await admin.deliver()
    admin.now += 240 - 25 * len(SAID)
    for client in admin.chat.clients:
        for member in client.memberships:
            member.cursor = member.room.log.end
    for client, person in zip(people, PEOPLE, strict=True):
        _set_times(admin, client, *person[5:])
    await _act(admin, people)
    admin.series.samples.extend(_hour(int(admin.now)))
    admin.chat.counters.disconnects.update(DISCONNECTS)
    admin.state.resources.latest = RESOURCES


async def _chatter(admin: AdminServer, rng: random.Random) -> None:
    """Let guests say a lot, in some rooms more than in others."""
    guests = [client for client in admin.chat.clients if (client.nick or "").startswith("guest")]
    for number in range(1500):
        guest = rng.choice(guests)
        admin.chat.say(guest, admin.chat.current_room(guest), f"{rng.choice(PHRASES)} ({number})")
        if number % 100 == 99:
            admin.now += 60
            await admin.deliver()
    admin.now -= 15 * 60


def _join(admin: AdminServer, nick: str, address: str, port: int, mode: Mode, rooms: Sequence[str]) -> Client:
    session = f"session-{port}" if mode is Mode.FRAMES else ""
    client = admin.chat.connect(address, port, mode=mode, outlet=HeldOutlet(), session=session)
    for room in rooms:
        admin.chat.join(client, room)
    if account := admin.accounts.names.owner_of(nick):
        admin.chat.places.enter_as(client, account.id, nick, "key")
    elif nick:
        admin.chat.rename(client, nick)
    client.connected_at = admin.now - 60 * (port % 1400) - 200
    client.last_input_at = admin.now - port % 3000
    client.lines_in = port % 140
    return client


async def _hand_out(admin: AdminServer) -> None:
    """Hand the names out, and leave an invite open."""
    for number, (nick, keys, has_password, by) in enumerate(NAMES):
        account = await admin.accounts.add(nick, by=by)
        for key in range(keys):
            await admin.accounts.add_key(account.id, _key(10 * number + key))
        if has_password:
            await admin.accounts.set_password(account.id, "correct horse battery")
        admin.now += 3600
    carla = admin.accounts.names.owner_of("carla")
    if carla:
        await admin.accounts.make_invite(uses=1, expires_s=7 * 86400, by=ANN, account=carla.id)
    await admin.accounts.make_invite(uses=5, expires_s=2 * 86400, by=MEI)


def _key(number: int) -> str:
    """Return the line of a public key that nobody has."""
    public = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", bytes([number]) * 32))
    return f"ssh-ed25519 {base64.b64encode(public).decode()}"


def _set_times(admin: AdminServer, client: Client, idle_s: float, stuck_s: float | None, behind: int) -> None:
    client.last_input_at = admin.now - idle_s
    if stuck_s is not None:
        client.outlet.backlog = Backlog(admin.now - max(9, stuck_s), admin.now - stuck_s)
        for member in client.memberships:
            member.cursor = max(member.track.base, member.room.log.end - behind)


async def _act(admin: AdminServer, people: Sequence[Client]) -> None:
    """Let operators act, and a client lose its connection."""
    mei = people[4]
    admin.now -= 1500
    admin.operator.kick(_join(admin, "adbot", "198.51.100.66", 40100, Mode.LINES, ("lobby",)), by=ANN, reason="spam")
    admin.now += 600
    await admin.operator.ban(make_ban("198.51.100.64/28", reason="spam", by=ANN, now=admin.now, minutes=90))
    await admin.operator.ban(make_ban("203.0.113.200", reason="port scans", by=MEI, now=admin.now))
    for name, room in (("ci", "dev"), ("grafana", "oncall"), ("backup", "ops")):
        admin.operator.add_hook(name, room, secret=name, by=ANN)
    for who, reason, minutes in ((people[-3], "cool down", 30), (read_network("192.0.2.64/26"), "bots", 600)):
        until = admin.now + 60 * minutes
        admin.operator.mute(await admin.operator.draft_mute(who, reason=reason, by=MEI, until=until))
    admin.now += 300
    admin.operator.note("reload", "rate", by="console")
    admin.now += 584
    admin.chat.connection_lost(mei, mei.outlet)
    admin.now += 16


def _hour(end: int) -> list[Sample]:
    """Return samples of an hour with a burst of traffic twenty minutes ago."""
    rng, samples = random.Random(11), []
    for number in range(SAMPLES):
        at = number / SAMPLES
        burst = math.exp(-(((at - 0.64) / 0.035) ** 2)) + 0.3 * math.exp(-(((at - 0.3) / 0.05) ** 2))
        lines = 38 + 6 * math.sin(9 * at) + 170 * burst + rng.gauss(0, 2)
        clients = CLIENTS - 1 - round(42 * (1 - at) + 5 * math.sin(14 * (1 - at)))
        samples.append(
            Sample(
                time=end - round(INTERVAL_S) * (SAMPLES - 1 - number),
                clients=clients,
                away=1,
                behind=2,
                lines_per_s=round(lines, 2),
                deliveries_per_s=round(lines * clients * 0.78, 1),
                delay_p50_ms=round(1.1 + 1.4 * burst + abs(rng.gauss(0, 0.12)), 2),
                delay_p99_ms=round(3.4 + 26 * burst + abs(rng.gauss(0, 0.9)), 2),
            )
        )
    return samples
