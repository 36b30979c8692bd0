"""TLS on the chat port, over loopback."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
import trio
import trustme

from trio_chat.chat.outlet import CloseReason
from trio_chat.server.errors import SetupError
from trio_chat.server.sessions.lines import NOTICES
from trio_chat.server.transport.admission import AdmissionLimits
from trio_chat.server.transport.tls import Tls
from trio_chat.server.transport.tls_outlet import RECORD_BYTES, TlsOutlet


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(authority: trustme.CA, file: Path) -> Path:
    """Write a new certificate for localhost and its key into one file."""
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    return file


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> Path:
    return write_certificate(authority, tmp_path / "server.pem")


class Caller:
    """Connects to a server by TLS."""

    def __init__(self, authority: trustme.CA) -> None:
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)

    async def join(self, server):
        """Connect and wait until that is a client."""
        count = len(server.changes)
        line = await self.connect(server)
        await server.changed(count + 1)
        return line

    async def connect(self, server, header: bytes = b""):
        """Connect and shake hands."""
        line = await server.connect()
        if header:
            await line.send(header)
        line.stream = trio.SSLStream(line.stream, self.context, server_hostname="localhost")
        await line.stream.do_handshake()
        return line


@pytest.fixture
def caller(authority: trustme.CA) -> Caller:
    return Caller(authority)


async def test_tls_and_plain_clients_talk_to_each_other_on_one_port(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice, bob = await server.join(), await caller.join(server)
        await alice.line()

        await bob.send(b"hello\n")
        await alice.send(b"hi\n")

        assert (await alice.line()).endswith("]> hello")
        assert (await bob.line()).endswith("]> hi")
        assert [client.outlet.is_encrypted for client in server.chat.clients] == [False, True]


async def test_a_tls_hello_after_a_lost_packet_is_waited_for_and_nc_is_greeted_within_a_second(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server, trio.open_nursery() as nursery:
        late, silent = await server.connect(), await server.connect()
        encrypted = trio.SSLStream(late.stream, caller.context, server_hostname="localhost")

        await trio.sleep(0.9)
        assert server.changes == []
        nursery.start_soon(encrypted.do_handshake)
        await server.changed(1)
        await silent.send(b"/who\n")

        assert (await silent.line()).startswith("*** 1 in #lobby")
        await server.changed(2)
        assert encrypted.version() == "TLSv1.3"


async def test_a_tls_hello_behind_the_greeting_is_closed_by_an_alert_and_one_log_line(
    open_server, autojump_clock, certificate, logged
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        late = await server.join()

        await late.send(bytes.fromhex("16030100c8010000c40303") + bytes(190))

        assert await late.rest() == b"\x15\x03\x03\x00\x02\x02\x28"
        assert [line.partition(" from ")[0] for line in logged()] == ["refused TLS"]


async def test_frames_go_through_tls_too(open_server, autojump_clock, caller, certificate) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=True)) as server:
        bot = await caller.connect(server)

        await bot.send(b'{"type":"hello","protocol":1}\n')

        assert '"type":"welcome"' in await bot.line()


async def test_a_certificate_that_was_renewed_is_taken_up_by_new_connections(
    open_server, autojump_clock, caller, authority, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        old = await caller.join(server)
        write_certificate(authority, certificate)

        server.context.tls = Tls(certificate, None, is_required=False)
        new = await caller.join(server)

        assert old.stream.getpeercert(binary_form=True) != new.stream.getpeercert(binary_form=True)
        await old.send(b"still here\n")
        assert (await new.line()).endswith("still here")


async def test_plain_clients_are_refused_with_a_sentence_where_tls_is_required(
    open_server, autojump_clock, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=True)) as server:
        for first in (b"hello\n", b'{"type":"hello","protocol":1}\n', b""):
            stranger = await server.connect()
            await stranger.send(first)

            began = trio.current_time()
            assert (await stranger.rest()).startswith(b"*** this server speaks TLS only: ")
            assert trio.current_time() - began <= 4
        assert server.changes == []


async def test_c11_handshakes_left_halfway_are_reaped_in_10_seconds(
    open_server, autojump_clock, certificate, logged
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        halves = [await server.connect() for _ in range(50)]
        for half in halves:
            await half.send(b"\x16\x03\x01\x02\x00\x01")
        start = trio.current_time()

        assert [await half.rest() for half in halves] == [b""] * 50

        assert 10 <= trio.current_time() - start < 11
        assert server.context.admission.total == 0
    assert "not done after 10 s" in logged()[0]


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x00\x05hello", b"\x16", b"\x16\x03\x03\xff\xff" + bytes(70000)])
async def test_a_broken_handshake_ends_that_connection_alone(
    open_server, autojump_clock, caller, certificate, first: bytes
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice = await caller.join(server)
        broken = await server.connect()
        await broken.send(first)

        await broken.rest()
        await alice.send(b"/who\n")

        assert (await alice.line()).startswith("*** 1 in #lobby")


async def test_an_http_request_inside_tls_is_refused_too(open_server, autojump_clock, caller, certificate) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        browser = await caller.connect(server)

        await browser.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nhello room\r\n")

        assert (await browser.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert server.changes == []


async def test_old_versions_of_tls_are_refused(open_server, autojump_clock, caller, certificate) -> None:
    with pytest.deprecated_call():
        caller.context.minimum_version = caller.context.maximum_version = ssl.TLSVersion.TLSv1_1
    caller.context.set_ciphers("ALL:@SECLEVEL=0")
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        with pytest.raises(trio.BrokenResourceError):
            await caller.connect(server)


async def test_a_last_line_without_a_newline_counts_where_the_end_was_announced(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice, bob = await server.join(), await caller.join(server)
        await alice.line()

        await bob.send(b"last words without a newline")
        await bob.stream.aclose()

        assert (await alice.line()).endswith("last words without a newline")
        assert (await alice.line()).endswith("left the chat ***")


async def test_half_a_line_that_was_cut_off_is_not_said(open_server, autojump_clock, caller, certificate) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice, bob = await server.join(), await caller.join(server)
        await alice.line()

        await bob.send(b"whole\nhalf a li")
        bob.stream.transport_stream.socket.shutdown(trio.socket.SHUT_WR)

        assert (await alice.line()).endswith("whole")
        assert (await alice.line()).endswith("left the chat ***")


async def test_a_kick_is_told_and_closes_the_tls_connection_properly(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice, bob = await caller.join(server), await caller.join(server)
        await bob.send(b"noise\n" * 100)

        server.chat.kick(next(iter(server.chat.clients)))

        with trio.fail_after(100):
            heard = b"".join([data async for data in alice.stream])  # BrokenResourceError, were it not a proper end
        assert heard.endswith(b"*** you were kicked ***\n")


async def test_c14_a_reader_that_is_stuck_holds_one_record_and_hears_the_rest_later(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        alice, bob = await caller.join(server), await server.join()
        await alice.line()
        client = next(iter(server.chat.clients))

        for number in range(300):
            await bob.send(b"%04d" % number + b"x" * 4000 + b"\n")
        await bob.send(b"/who\n")
        await bob.line()

        assert client.outlet.is_paused
        assert client.outlet.unsent_bytes <= RECORD_BYTES + 5000
        heard = [(await alice.line()).partition("]> ")[2][:4] for _ in range(300)]
        assert heard == [f"{number:04d}" for number in range(300)]


async def test_a_tls_reader_that_stays_stuck_is_sent_away_after_30_seconds(
    open_server, autojump_clock, caller, certificate
) -> None:
    async with open_server(tls=Tls(certificate, None, is_required=False)) as server:
        await caller.join(server)
        bob = await server.join()

        for _ in range(2000):
            await bob.send(b"x" * 4000 + b"\n")
        await server.changed(3)

        assert len(server.chat.clients) == 1


async def test_the_address_behind_a_proxy_is_known_inside_tls(open_server, autojump_clock, caller, certificate) -> None:
    limits = AdmissionLimits(proxies=(ip_network("127.0.0.0/8"),))
    async with open_server(limits, tls=Tls(certificate, None, is_required=True)) as server:
        alice = await caller.connect(server, b"PROXY TCP4 192.0.2.1 127.0.0.1 77 5555\r\n")
        await alice.send(b"/who\n")

        assert await alice.line() == "*** 1 in #lobby: [192.0.2.1:77] (you) ***"


async def test_a_password_is_asked_inside_tls(open_server, autojump_clock, caller, certificate) -> None:
    async with open_server(password="geheim", tls=Tls(certificate, None, is_required=True)) as server:
        alice = await caller.connect(server)

        assert await alice.line() == "*** password: ***"
        await alice.send(b"no\ngeheim\n/who\n")

        assert await alice.line() == "*** wrong password: try again ***"
        assert (await alice.line()).startswith("*** 1 in #lobby")


class HeldStream(trio.abc.SendStream):
    """A stream that takes what it is given only when told."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.may_send = trio.Semaphore(0)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.may_send.acquire()
        self.sent.append(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_outlet() -> AsyncIterator[tuple[TlsOutlet, HeldStream, trio.CancelScope]]:
    with socket.socket() as sock:
        session = trio.CancelScope()
        outlet = TlsOutlet(sock, NOTICES, session)
        stream = HeldStream()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outlet.write_forever, stream)
            yield outlet, stream, session
            outlet.stop()


async def test_an_outlet_is_full_until_its_record_is_sent() -> None:
    async with open_outlet() as (outlet, stream, _):
        assert outlet.push(None)
        outlet.write(b"one\n")
        assert not outlet.push(None)
        outlet.write(b"two\n")
        assert not outlet.push(None)
        assert outlet.unsent_bytes == 8

        stream.may_send.release()
        await outlet.wait_writable()

        assert stream.sent == [b"one\n"]
        assert outlet.unsent_bytes == 4
        assert outlet.bytes_out == 4


async def test_a_farewell_is_sent_after_pending_bytes() -> None:
    async with open_outlet() as (outlet, stream, session):
        outlet.write(b"x" * (RECORD_BYTES + 1))
        outlet.push(None)
        outlet.hang_up(CloseReason.KICKED)
        outlet.say_farewell()

        for _ in range(2):
            stream.may_send.release()
        await outlet.finish()

        assert session.cancel_called
        assert b"".join(stream.sent).endswith(b"x*** you were kicked ***\n")


async def test_once_its_task_has_ended_an_outlet_takes_everything_and_nobody_waits() -> None:
    async with open_outlet() as (outlet, _, _):
        outlet.write(b"one\n")
        outlet.push(None)

    with pytest.raises(trio.ClosedResourceError):
        await outlet.wait_writable()
    outlet.write(b"two\n")
    assert outlet.push(None)
    assert outlet.unsent_bytes == 0


def test_m7_a_certificate_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, authority: trustme.CA, certificate: Path
) -> None:
    other = authority.issue_cert("localhost").private_key_pem
    other.write_to_path(tmp_path / "other.key")
    (tmp_path / "rubbish.pem").write_text("rubbish")
    (tmp_path / "utf-16.pem").write_text(certificate.read_text(), encoding="utf-16")
    (tmp_path / "chat.der").write_bytes(ssl.PEM_cert_to_DER_cert(str(authority.cert_pem.bytes(), "ascii")))
    chain = certificate.read_text()
    (tmp_path / "chain.pem").write_text(chain[chain.index("-----BEGIN CERTIFICATE") :])
    another_kind = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA).private_key_pem
    another_kind.write_to_path(tmp_path / "rsa.key")
    tries = [
        (tmp_path / "nowhere.pem", None, "cannot read the TLS certificate .*nowhere.pem: No such file"),
        (certificate, tmp_path / "nowhere.key", "cannot read the TLS key .*nowhere.key: No such file"),
        (tmp_path, None, "cannot read the TLS certificate .*: Is a directory"),
        (certificate, tmp_path / "other.key", "do not belong together"),
        (tmp_path / "rubbish.pem", None, "expected PEM files"),
        (tmp_path / "other.key", None, "expected PEM files, and there is no certificate in .*other.key"),
        (certificate, tmp_path / "rsa.key", "do not belong together"),
        (tmp_path / "chain.pem", None, "there is no private key in .*chain.pem, given by --tls-key$"),
        (tmp_path / "utf-16.pem", None, "utf-16.pem is in UTF-16: save it as UTF-8"),
        (tmp_path / "chat.der", certificate, "in DER or PKCS #12, not PEM: convert it with openssl"),
    ]

    for cert, key, why in tries:
        with pytest.raises(SetupError, match=why) as refusal:
            Tls(cert, key, is_required=False)
        assert "\n" not in str(refusal.value)


def test_m7_a_key_with_a_passphrase_does_not_ask_on_the_terminal(tmp_path: Path, certificate: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(certificate.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(SetupError, match="the key has a passphrase"):
        Tls(certificate, locked, is_required=False)
