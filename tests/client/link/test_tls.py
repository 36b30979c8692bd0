"""TLS of the client against a real server, whose certificate comes, stays and changes."""

import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import trio
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trio_chat.client.link.address import LinkError, TcpAddress
from trio_chat.client.link.known_servers import SIGNED_BY_AUTHORITY, KnownServers, fingerprint_of
from trio_chat.client.link.tls import TlsAddress

Serve = Callable[[trustme.LeafCert], AbstractAsyncContextManager[int]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1")


@pytest.fixture
def known(tmp_path: Path) -> KnownServers:
    return KnownServers(tmp_path / "known")


@asynccontextmanager
async def serving(certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """Speak TLS to whoever comes. -> the port"""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def greet(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.send_all(b"hello")
            await stream.receive_some(1)
        except trio.BrokenResourceError:  # the client did not trust us
            pass

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_ssl_over_tcp, greet, 0, context, host="127.0.0.1", https_compatible=True)
        (listener,) = await nursery.start(serve)
        yield listener.transport_listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


class Caller:
    """Connects to one port, again and again, and remembers what it was told."""

    def __init__(self, port: int, known: KnownServers, authority: Path | None = None, invited: str = "") -> None:
        self.address = TlsAddress(TcpAddress("127.0.0.1", port), known, authority, invited)
        self.told: list[str] = []

    async def connect(self) -> bytes:
        stream = await self.address.connect(self.told.append)
        async with stream:
            return bytes(await stream.receive_some(100))

    async def refusal(self) -> LinkError:
        with pytest.raises(LinkError) as caught:
            await self.connect()
        return caught.value


async def test_a_certificate_of_ones_own_authority_is_trusted_and_no_other(
    authority: trustme.CA, certificate: trustme.LeafCert, known: KnownServers, tmp_path: Path
) -> None:
    for name, ca in (("ours.pem", authority), ("theirs.pem", trustme.CA())):
        ca.cert_pem.write_to_path(tmp_path / name)

    async with serving(certificate) as port:
        assert await Caller(port, known, tmp_path / "ours.pem").connect() == b"hello"
        refusal = await Caller(port, known, tmp_path / "theirs.pem").refusal()

    assert refusal.is_final
    assert str(refusal).startswith(f"the certificate of 127.0.0.1 port {port} is not trusted: ")
    assert not known.folder.exists()


def authority_made_by_hand() -> tuple[bytes, bytes]:
    """Make a certificate as `openssl req -x509` does: without a key usage. -> the certificate and its key"""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=by hand")
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2120, 1, 1))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def test_an_authority_made_by_hand_with_openssl_is_trusted_like_any(known: KnownServers, tmp_path: Path) -> None:
    certificate, key = authority_made_by_hand()
    (tmp_path / "ours.pem").write_bytes(certificate)

    async with serving(trustme.CA.from_pem(certificate, key).issue_cert("127.0.0.1")) as port:
        assert await Caller(port, known, tmp_path / "ours.pem").connect() == b"hello"


async def test_one_certificate_of_an_authority_can_be_trusted_alone(
    authority: trustme.CA, certificate: trustme.LeafCert, known: KnownServers, tmp_path: Path
) -> None:
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")

    async with serving(certificate) as port, serving(authority.issue_cert("127.0.0.1")) as other_port:
        assert await Caller(port, known, tmp_path / "server.pem").connect() == b"hello"
        refusal = await Caller(other_port, known, tmp_path / "server.pem").refusal()

    assert "is not trusted" in str(refusal)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file or directory"), ("", "it has no certificate in PEM"), ("x", "it has no certificate in PEM")],
)
async def test_a_file_of_authorities_that_is_none_is_one_sentence(
    known: KnownServers, tmp_path: Path, content: str | None, why: str
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)

    refusal = await Caller(1, known, file).refusal()

    assert str(refusal) == f"cannot use the certificates of --tls-ca {file}: {why}"


async def test_a_certificate_that_nobody_vouches_for_is_trusted_from_its_first_time_on(
    certificate: trustme.LeafCert, known: KnownServers
) -> None:
    async with serving(certificate) as port:
        caller = Caller(port, known)

        assert await caller.connect() == b"hello"
        (news,) = caller.told
        assert await caller.connect() == b"hello"

    assert caller.told == [news]
    assert "no known authority has signed the certificate" in news
    assert news.rpartition("SHA-256 ")[2] in known.file_of("127.0.0.1", port).read_text()


async def test_a_wrong_invite_is_refused_and_forgotten_and_a_right_one_is_remembered(
    certificate: trustme.LeafCert, known: KnownServers
) -> None:
    pem = certificate.cert_chain_pems[0].bytes()
    right = fingerprint_of(x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex())
    wrong = fingerprint_of("ab" * 32)
    async with serving(certificate) as port:
        refusal = await Caller(port, known, invited=wrong).refusal()
        assert known.load("127.0.0.1", port) == ""

        caller = Caller(port, known, invited=right)
        assert await caller.connect() == b"hello"
        assert known.load("127.0.0.1", port) == right

    assert refusal.is_final
    assert "IS NOT THE SERVER OF THE INVITE" in str(refusal)
    assert f"it names the certificate {wrong}, and this one is {right}." in str(refusal)
    assert caller.told == []


async def test_a_certificate_that_has_changed_is_refused_until_its_file_is_removed(
    authority: trustme.CA, certificate: trustme.LeafCert, known: KnownServers
) -> None:
    async with serving(authority.issue_cert("127.0.0.1")) as port:
        caller = Caller(port, known)
        file = known.file_of("127.0.0.1", port)
        known.save("127.0.0.1", port, "SHA-256 00:11")

        refusal = await caller.refusal()
        assert file.read_text() == "SHA-256 00:11\n"
        file.unlink()
        assert await caller.connect() == b"hello"

    assert refusal.is_final
    assert "HAS CHANGED" in str(refusal)
    assert str(file) in str(refusal)
    assert "It was SHA-256 00:11, and is SHA-256 " in str(refusal)


async def test_a_self_signed_certificate_is_refused_where_an_authority_signed_before(
    certificate: trustme.LeafCert, known: KnownServers
) -> None:
    async with serving(certificate) as port:
        known.save("127.0.0.1", port, SIGNED_BY_AUTHORITY)

        refusal = await Caller(port, known).refusal()

    assert "HAS CHANGED" in str(refusal)
    assert known.load("127.0.0.1", port) == SIGNED_BY_AUTHORITY


async def test_an_authority_of_the_system_is_trusted_and_that_is_remembered(
    authority: trustme.CA,
    certificate: trustme.LeafCert,
    known: KnownServers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "system.pem")
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(tmp_path / "system.pem"))

    async with serving(certificate) as port:
        caller = Caller(port, known)
        known.save("127.0.0.1", port, "SHA-256 00:11")  # that of the self-signed one that it had before

        assert await caller.connect() == b"hello"

    assert caller.told == []
    assert known.load("127.0.0.1", port) == SIGNED_BY_AUTHORITY


async def test_a_certificate_for_another_name_is_no_reason_to_trust_on_first_use(
    authority: trustme.CA, known: KnownServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "system.pem")
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(tmp_path / "system.pem"))

    async with serving(authority.issue_cert("chat.example.org")) as port:
        refusal = await Caller(port, known).refusal()

    assert "IP address mismatch" in str(refusal)
    assert not known.folder.exists()


async def test_a_memory_that_cannot_be_read_is_no_reason_to_trust_anyone(
    certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    async with serving(certificate) as port:
        caller = Caller(port, KnownServers(tmp_path / "file" / "known"))
        refusal = await caller.refusal()

    assert "cannot verify" in str(refusal)
    assert f"{tmp_path / 'file' / 'known'}/127.0.0.1_{port} cannot be read: not a directory" in str(refusal)


def test_a_fingerprint_that_was_saved_by_another_editor_is_the_same(known: KnownServers) -> None:
    known.save("host", 5555, "SHA-256 00:11")
    known.file_of("host", 5555).write_bytes("SHA-256 00:11\r\n".encode("utf-8-sig"))

    assert known.load("host", 5555) == "SHA-256 00:11"


@asynccontextmanager
async def answering(*answers: bytes, then: trustme.LeafCert | None = None) -> AsyncIterator[int]:
    """Answer each connection in plain text, before its hello is read; then speak TLS, if there is a certificate."""
    left = list(answers)

    async def answer(stream: trio.SocketStream) -> None:
        if left:
            await stream.send_all(left.pop(0))
            while await stream.receive_some():
                pass
        elif then:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            then.configure_cert(context)
            encrypted = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
            await encrypted.send_all(b"hello")
            await encrypted.receive_some()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
"""The answer of our server to a hello behind the greeting, and of one without a certificate to any."""

GREETINGS = [
    b"[1.2.3.4:5]> hello\n",
    b"*** [1.2.3.4:5] joined the chat ***\n",
    b"*** 12 joined and 3 left ***\n",
    b"*** password: ***\n",
    b"*** this server speaks TLS only: trio-chat join --tls HOST PORT, or ncat --ssl HOST PORT ***\n",
    ALERT,
]


@pytest.mark.parametrize("greeting", GREETINGS)
async def test_a_hello_that_was_answered_without_tls_is_tried_once_more(
    authority: trustme.CA, certificate: trustme.LeafCert, known: KnownServers, tmp_path: Path, greeting: bytes
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ours.pem")

    async with answering(greeting, then=certificate) as port:
        assert await Caller(port, known, tmp_path / "ours.pem").connect() == b"hello"


@pytest.mark.parametrize("greeting", GREETINGS[:-1])
async def test_our_own_greeting_is_never_taken_for_a_server_without_tls(known: KnownServers, greeting: bytes) -> None:
    async with answering(greeting, greeting) as port:
        refusal = await Caller(port, known).refusal()

    assert "took us for a client without TLS: our hello came too late" in str(refusal)
    assert not refusal.is_final


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ALERT, "does not speak TLS; with --no-tls, everyone on the way can read the chat"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"),
        (b"*** the server is full: try again later ***\n", "the server refuses: the server is full: try again later"),
    ],
)
async def test_a_server_that_answers_twice_without_tls_is_told(known: KnownServers, answer: bytes, why: str) -> None:
    async with answering(answer, answer) as port:
        refusal = await Caller(port, known).refusal()

    assert why in str(refusal)
