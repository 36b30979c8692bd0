"""The environment of a run, and measuring several servers in turns.

For a ratio, both servers are measured in turns, and the ratio is the median of those of the turns, since the load of
the machine changes over time.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.phases import Result, Span
from bench.servers import Command, Cores, Server, bare, other, ours, running
from bench.swarm import CPU, FRAMES, LINES, LINES_LIKE_FRAMES, REDIS, Swarm, settle

LIMIT, BARE, OURS, MEMORY, PEER, BESIDE = "limit", "bare", "ours", "memory:", "redis", "beside"

SPARE_FILES = 200

_numbers = count()


@dataclass(frozen=True, slots=True)
class Setup:
    """The environment of a run. `limit` is None without a C compiler, `peer` without Redis.

    `other` is the command of a server to measure instead of ours, `beside` another checkout of ours.
    """

    folder: Path
    cores: Cores
    files: int
    span: Span
    rounds: int
    is_quick: bool
    limit: Command | None
    peer: Command | None
    other: str | None
    beside: Path | None = None

    def start(self, name: str, *, data: Path | None = None) -> AbstractContextManager[Server]:
        """Start the server of a name, by default with an empty data folder."""
        if name == LIMIT and self.limit:
            command = self.limit
        elif name == BARE:
            command = bare(self.folder / f"data-{next(_numbers)}")
        elif name == PEER and self.peer:
            command = self.peer
        elif self.other:
            command = other(self.other)
        elif name == BESIDE and self.beside:
            command = ours(self.folder / f"data-{next(_numbers)}", checkout=self.beside)
        else:
            journal = MEMORY if name == MEMORY else "sqlite:"
            command = ours(data or self.folder / f"data-{next(_numbers)}", journal=journal)
        return running(command, self.cores.server, self.folder)

    def start_all(self, stack: ExitStack, names: Sequence[str]) -> dict[str, Server]:
        """Start several servers, which stop with the stack."""
        return {name: stack.enter_context(self.start(name)) for name in names}

    def present(self, *names: str) -> list[str]:
        """Return the names of the servers that can be started."""
        absent = {LIMIT: not self.limit, PEER: not self.peer, MEMORY: bool(self.other)}
        return [name for name in names if not absent.get(name)]

    def clients(self, wished: int, *, swarms: int = 1) -> int:
        """Return the wished number of clients, or as many as the limit of open files allows."""
        return min(wished, (self.files - SPARE_FILES) // swarms)


def connect_swarms(
    stack: ExitStack, servers: Mapping[str, Server], clients: int, *, senders: int = 4, frames: bool = False
) -> dict[str, Swarm]:
    """Connect a swarm to each server. With `frames`, its listeners use frames, or lines as long for the C limit."""
    swarms = {}
    for name, server in servers.items():
        dialect = REDIS if name == PEER else LINES
        if frames:
            dialect = LINES_LIKE_FRAMES if name == LIMIT else FRAMES
        swarm = stack.enter_context(
            closing(
                Swarm(
                    server.port,
                    senders=senders,
                    dialect=dialect,
                    accepted=server.accepted,
                    counters={CPU: server.cpu_s},
                )
            )
        )
        swarm.connect(clients)
        swarms[name] = swarm
    settle(swarms.values())
    return swarms


def in_turns(
    setup: Setup, swarms: Mapping[str, Swarm], phase: Callable[[Swarm], Result]
) -> Mapping[str, Sequence[Result]]:
    """Measure a phase on each swarm in turn, several times. -> the results of each"""
    results: dict[str, list[Result]] = {name: [] for name in swarms}
    for _ in range(setup.rounds):
        for name, swarm in swarms.items():
            results[name].append(phase(swarm))
    return results
