"""A Redis that is reached by TLS."""

from pathlib import Path

import pytest
import trustme

from tests.redis_server import RedisServer, free_port
from trio_chat.journal import JournalError, check_journal, open_journal


async def test_a_redis_by_tls_is_used_if_its_certificate_is_good(tmp_path: Path) -> None:
    authority, other, pem = trustme.CA(), trustme.CA(), tmp_path / "redis.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    for name, ca in (("good", authority), ("other", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    files = {"tls-cert-file": str(pem), "tls-key-file": str(pem), "tls-auth-clients": "no"}
    port = free_port()
    with RedisServer(tmp_path, **files, **{"tls-port": str(port)}):
        url = f"rediss://127.0.0.1:{port}/0?ca={tmp_path}"
        check_journal(f"{url}/good", data=tmp_path)
        async with open_journal(f"{url}/good", data=tmp_path) as journal:
            assert journal.fault is None
        with pytest.raises(JournalError, match="the certificate of Redis is not trusted: "):
            check_journal(f"{url}/other", data=tmp_path)
        with pytest.raises(JournalError, match="cannot read the certificates"):
            check_journal(f"{url}/missing", data=tmp_path)
