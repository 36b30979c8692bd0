"""A Redis that is reached by TLS, and its sentinels; a cluster, too."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from tests.ports import free_port
from tests.redis_replication import NAME, Sentinel, until
from tests.redis_server import RedisServer
from trio_chat.journal import Durability, JournalError, check_journal, open_journal


@pytest.fixture
def certified(tmp_path: Path) -> Mapping[str, str]:
    """Settings of a server that has a certificate; the authority is in the file `good`, and another in `other`."""
    authority, other, pem = trustme.CA(), trustme.CA(), tmp_path / "redis.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    for name, ca in (("good", authority), ("other", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    files = {"tls-cert-file": str(pem), "tls-key-file": str(pem), "tls-ca-cert-file": str(tmp_path / "good")}
    return {**files, "tls-auth-clients": "no", "tls-port": str(free_port())}


async def test_a_redis_by_tls_is_used_if_its_certificate_is_good(certified: Mapping[str, str], tmp_path: Path) -> None:
    with RedisServer(tmp_path, **certified):
        url = f"rediss://127.0.0.1:{certified['tls-port']}/0?ca={tmp_path}"
        check_journal(f"{url}/good", data=tmp_path)
        async with open_journal(f"{url}/good", data=tmp_path) as journal:
            assert journal.fault is None
        with pytest.raises(JournalError, match="the certificate of Redis is not trusted: "):
            check_journal(f"{url}/other", data=tmp_path)
        with pytest.raises(JournalError, match="cannot read the certificates"):
            check_journal(f"{url}/missing", data=tmp_path)


def test_sentinels_by_tls_name_a_redis_by_tls(certified: Mapping[str, str], tmp_path: Path) -> None:
    with RedisServer(tmp_path, **certified):
        sentinel = Sentinel(tmp_path / "sentinel", int(certified["tls-port"]), quorum=1)
        sentinel.settings |= {**certified, "tls-port": str(free_port()), "tls-replication": "yes"}
        with sentinel:
            url = f"rediss+sentinel://127.0.0.1:{sentinel.settings['tls-port']}/{NAME}?ca={tmp_path}"
            check_journal(f"{url}/good", data=tmp_path, durability=Durability.RELAXED)
            with pytest.raises(JournalError, match="the certificate of Redis is not trusted: "):
                check_journal(f"{url}/other", data=tmp_path, durability=Durability.RELAXED)


def test_a_cluster_by_tls_is_used(certified: Mapping[str, str], tmp_path: Path) -> None:
    clustered = {**certified, "cluster-enabled": "yes", "cluster-port": str(free_port()), "tls-cluster": "yes"}
    with RedisServer(tmp_path, **clustered) as server:
        server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        until(lambda: b"cluster_state:ok" in server.ask("CLUSTER", "INFO"))
        url = f"rediss+cluster://127.0.0.1:{certified['tls-port']}?ca={tmp_path}/good"

        check_journal(url, data=tmp_path, durability=Durability.RELAXED)
