"""Stop a server with 1,000 clients, 100 of which never read: `python -m tests.long.stop`; status 0 if all was well."""

import resource
import sys
import tempfile
from pathlib import Path

from tests.protocol.conftest import running_server
from tests.protocol.crowd import Stop, stop_under_load


def stop_with_a_thousand(data: Path) -> Stop:
    """Run it once, in a data folder of its own."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with running_server(data) as server:
        return stop_under_load(server, clients=1000, stuck=100, talkers=10)


def main() -> int:
    """Run it and print what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        stop = stop_with_a_thousand(Path(folder))
    print(stop)
    return int(not stop.is_good)


if __name__ == "__main__":
    sys.exit(main())
