"""Three nodes behind HAProxy are restarted one after the other, while clients talk: nobody notices but by a moment."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.haproxy import HaProxy, NodeAddress, config_for, redis_settings
from tests.protocol.conftest import Server, running_server
from tests.redis_server import RedisServer
from trio_chat.selftest.conversation import say_last, talk
from trio_chat.selftest.fault_period import FaultPeriod
from trio_chat.selftest.nodes import BEGIN, END, judge
from trio_chat.selftest.participant import Participant, open_participant

NODES = ("node1", "node2", "node3")
NAMES = ("alice", "bob", "carol", "dave")
DRAIN_S = 0.6
LINE_INTERVAL_S = 0.05
AT_MOST_S = 60


@dataclass
class Site:
    """Nodes by their names, HAProxy in front of them and the URL of their chat in Redis."""

    folder: Path
    url: str
    haproxy: HaProxy
    places: dict[str, NodeAddress]
    nodes: dict[str, Server] = field(default_factory=dict)
    ends: ExitStack = field(default_factory=ExitStack)

    def start(self, name: str) -> None:
        """Start a node, and return once HAProxy sends connections there."""
        flags = (*self.places[name].flags, "--journal", f"{self.url}?node={name}", "--drain", str(DRAIN_S))
        self.nodes[name] = self.ends.enter_context(running_server(self.folder / name, *flags))
        self.haproxy.until("ready", name, "UP")

    def restart_all(self) -> None:
        """Restart one node after the other."""
        for name in NODES:
            node = self.nodes[name]
            assert node.stop() == 0
            assert b" ERROR " not in node.process.stderr.read()
            self.haproxy.until("ready", name, "DOWN")
            self.start(name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    places = {name: NodeAddress.choose() for name in NODES}
    folders = {name: tmp_path / name for name in ("redis", "haproxy")}
    for folder in folders.values():
        folder.mkdir()
    with RedisServer(folders["redis"], **redis_settings()) as redis, ExitStack() as ends:
        haproxy = HaProxy(folders["haproxy"], config_for(places))
        ends.callback(haproxy.close)
        site = Site(tmp_path, redis.url, haproxy, places, ends=ends)
        for name in NODES:
            site.start(name)
        yield site


async def converse(site: Site, participants: Sequence[Participant]) -> None:
    """Let all talk while the nodes are restarted, and until each has been shown all that was said."""
    talking = FaultPeriod(1)
    await participants[0].say(BEGIN)
    for one in participants:
        await one.wait_until_shown(BEGIN)
    talking.begin(AT_MOST_S)
    async with trio.open_nursery() as nursery:
        for one in participants:
            others = [name for name in NAMES if name != one.recording.name]
            nursery.start_soon(partial(talk, one, others, talking, interval_s=LINE_INTERVAL_S))
        await trio.to_thread.run_sync(site.restart_all)
        talking.begin(0)
    for one in participants:
        await one.wait_until_settled()
    await say_last(participants, END)


@pytest.mark.slow
async def test_a_rolling_restart_loses_and_doubles_nothing_and_nobody_is_seen_to_leave(site: Site) -> None:
    port = site.haproxy.ports["chat"]
    async with AsyncExitStack() as stack:
        participants = [await stack.enter_async_context(open_participant(it, port, site.folder)) for it in NAMES]
        with trio.fail_after(AT_MOST_S):
            await converse(site, participants)
        recordings = [one.recording for one in participants]
    entries, violations, _ = await judge(site.url, site.folder, recordings)

    assert violations == []
    assert entries >= sum(len(one.said) for one in recordings) > 0
    assert sum(len(one.failed) for one in recordings) == 0
    assert all(one.reconnects for one in recordings)
