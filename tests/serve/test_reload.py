"""Settings taken up while the server runs."""

import logging
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
import trustme

from trio_chat.chat.dependencies import Rules
from trio_chat.config import CollectedSettings, ConfigError, ServeSettings, SourcedValue
from trio_chat.config.setting_types import RetentionLimit
from trio_chat.serve.reload import BLOCKED_THREADS_MAX, READ_TIMEOUT_S, REQUEST_TIMEOUT_S, Reloader
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.server.credentials.names_file import NamesFile
from trio_chat.server.operation.secret_files import read_tls
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.transport.admission import limits_of
from trio_chat.server.upkeep.housekeeping import Pruning
from trio_chat.server.upkeep.name_keeping import NameKeeping


class Operator:
    """Changes the settings that are read at the next reload."""

    def __init__(self, server, **settings: object) -> None:
        self.settings = ServeSettings(console=False, **settings)  # type: ignore[arg-type]
        self.fault = ""
        self.pruning = Pruning(server.context.journal, self.settings.keep)
        self.names = NameKeeping(server.context.accounts, server.chat, lambda *_: None, unseen_s=0)
        self.reloader = self.reading_by(server, self._read)

    def reading_by(self, server, read: Callable[[], CollectedSettings]) -> Reloader:
        """A reloader that reads the settings so."""
        in_force = SettingsInForce(self.settings)
        context, names = server.context, NamesFile()
        return Reloader(in_force, context, self.pruning, names=names, name_keeping=self.names, read_settings=read)

    def change(self, **settings: object) -> None:
        self.settings = msgspec.structs.replace(self.settings, **settings)

    async def reload(self) -> list[str]:
        return list((await self.reloader.reload()).lines)

    def _read(self) -> CollectedSettings:
        if self.fault:
            raise ConfigError(self.fault)
        names = ServeSettings.__struct_fields__
        return CollectedSettings({name: SourcedValue(getattr(self.settings, name), "a test") for name in names})


async def reload_in_vain(operator: Operator, pipe: Path, clock: trio.testing.MockClock) -> tuple[list[str], int]:
    """Reload with a FIFO as the password file, into which nobody writes. -> the report, and its end to write into"""
    os.mkfifo(pipe)
    operator.change(password_file=pipe)
    said: list[str] = []

    async def reload() -> None:
        said.extend(await operator.reload())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reload)
        end = await trio.to_thread.run_sync(os.open, pipe, os.O_WRONLY)  # waits until somebody reads
        clock.jump(READ_TIMEOUT_S)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return said, end


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    """The level of the log is that of the process."""
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


def write_certificate(file: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    file.write_bytes(certificate.private_key_pem.bytes() + chain)


async def test_live_settings_are_applied_and_reported_a_line_each(open_server) -> None:
    async with open_server() as server:
        operator = Operator(server)
        operator.change(rate=7, max_per_address=3, stall_timeout=5.0, log_level="debug")

        assert await operator.reload() == [
            "Reloaded max-per-address: 3 (was 256)",
            "Reloaded rate: 7 (was 5)",
            "Reloaded stall-timeout: 5s (was 30s)",
            "Reloaded log-level: debug (was info)",
        ]

        assert server.context.rate_limit == RateLimit(7, 20)
        assert server.context.admission.limits == limits_of(operator.settings)
        assert server.context.pump.stall_timeout_s == 5
        assert logging.getLogger().level == logging.DEBUG
        assert await operator.reload() == ["Nothing has changed"]


async def test_the_rules_of_the_chat_and_keep_are_reloaded_too(open_server) -> None:
    async with open_server() as server:
        operator = Operator(server)
        window = server.chat.rules.window
        operator.change(hold=5.0, announce_max=7, keep=(RetentionLimit(more_than=9),), window_entries=11)

        assert await operator.reload() == [
            "Reloaded keep: 9 (was everything)",
            "Reloaded hold: 5s (was 60s)",
            "Reloaded announce-max: 7 (was 500)",
            "window-entries needs a restart: still 65536, not 11",
        ]

        limits = server.context.admission.limits
        assert server.chat.rules == Rules(
            window,
            hold_s=5,
            announce_max_members=7,
            clients=limits.clients,
            clients_per_origin=limits.per_address,
        )
        assert operator.pruning.keeps == (RetentionLimit(more_than=9),)


async def test_a_reload_that_takes_for_ever_is_not_waited_for(
    open_server, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_server() as server:
        operator = Operator(server)
        start = trio.current_time()

        await operator.reloader.request_and_wait("console")  # nobody runs it

        assert trio.current_time() - start == REQUEST_TIMEOUT_S


async def test_settings_that_need_a_restart_are_named_each_time_and_not_applied(open_server) -> None:
    async with open_server() as server:
        operator = Operator(server)
        operator.change(port=6666, window_bytes=1024**3, rate=1)

        first, second = await operator.reload(), await operator.reload()

        waiting = [
            "port needs a restart: still 5555, not 6666",
            "window-bytes needs a restart: still 16MiB, not 1GiB",
        ]
        assert first == ["Reloaded rate: 1 (was 5)", *waiting]
        assert second == waiting


async def test_a_mistake_changes_nothing_and_is_said(open_server, tmp_path: Path, logged) -> None:
    async with open_server() as server:
        operator = Operator(server)
        before = server.context.rate_limit

        operator.fault = "chat.toml: rate: expected a whole number"
        assert await operator.reload() == ["Nothing was reloaded: chat.toml: rate: expected a whole number"]

        operator.fault = ""
        operator.change(rate=1, password_file=tmp_path / "none")
        said = await operator.reload()

        assert said == [
            f"Nothing was reloaded: cannot read the password file {tmp_path / 'none'}: No such file or directory"
        ]
        assert server.context.rate_limit is before
        assert not server.context.password.is_set
        assert len(logged()) == 2


async def test_a_password_is_asked_for_from_then_on_and_a_new_one_is_noticed(open_server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    async with open_server() as server:
        operator = Operator(server)
        alice = await server.join()

        operator.change(password_file=file)
        assert await operator.reload() == [f"Reloaded password-file: {file} (was no password)"]
        assert await operator.reload() == ["Nothing has changed"]
        file.write_text("second\n")
        assert await operator.reload() == ["Reloaded the password"]

        bob = await server.connect()
        assert await bob.line() == "*** password: ***"
        await bob.send(b"second\nhello\n")
        assert (await alice.line()).endswith("joined the chat ***")
        assert (await alice.line()).endswith("> hello")


async def test_a_certificate_can_be_added_renewed_refused_and_taken_away(open_server, tmp_path: Path) -> None:
    file = tmp_path / "chat.pem"
    write_certificate(file)
    async with open_server() as server:
        operator = Operator(server)

        operator.change(tls_cert=file, tls_required=True)
        assert await operator.reload() == [
            f"Reloaded tls-cert: {file} (was no TLS)",
            "Reloaded tls-required: true (was false)",
        ]
        bob = await server.connect()
        await bob.send(b"hello\n")
        assert (await bob.rest()).startswith(b"*** this server speaks TLS only: ")

        write_certificate(file)
        assert await operator.reload() == ["Reloaded the TLS certificate and its key"]

        good = server.context.tls
        file.write_text("rubbish")
        assert (await operator.reload())[0].startswith(f"Nothing was reloaded: cannot use the TLS certificate {file}")
        assert server.context.tls is good

        operator.change(tls_cert=None, tls_required=False)
        assert len(await operator.reload()) == 2
        assert read_tls(operator.settings) is server.context.tls is None
        await server.join()


async def test_a_renewed_certificate_of_a_proxy_is_reported(open_server, tmp_path: Path) -> None:
    file = tmp_path / "proxy.pem"
    write_certificate(file)
    async with open_server() as server:
        operator = Operator(server)
        operator.change(proxy_cert=file)
        assert await operator.reload() == [f"Reloaded proxy-cert: {file} (was none)"]

        write_certificate(file)
        binding = server.context.proxy_binding
        assert await operator.reload() == ["Reloaded the certificate of the proxy"]
        assert len(server.context.proxy_binding) == 64
        assert server.context.proxy_binding != binding


async def test_a_file_that_never_answers_does_not_keep_the_server_from_stopping(open_server, tmp_path: Path) -> None:
    pipe = tmp_path / "password"
    os.mkfifo(pipe)
    async with open_server() as server:
        operator = Operator(server)
        operator.change(password_file=pipe)

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(operator.reload)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()

        os.close(os.open(pipe, os.O_WRONLY))  # lets the thread go


async def test_a_file_that_never_answers_is_named_and_a_later_reload_works(
    open_server, tmp_path: Path, mock_clock: trio.testing.MockClock, logged
) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    async with open_server() as server:
        operator = Operator(server)
        before = server.context.rate_limit
        operator.change(rate=7)

        said, end = await reload_in_vain(operator, tmp_path / "pipe", mock_clock)

        assert said == [f"Nothing was reloaded: the password file {tmp_path / 'pipe'} did not answer within 2 s"]
        assert len(logged()) == 1
        assert server.context.rate_limit is before
        operator.change(password_file=file)
        await operator.reload()
        assert server.context.rate_limit.rate == 7
        assert server.context.password.matches("secret")

    os.close(end)


async def test_so_many_files_that_never_answer_are_waited_for_and_no_more(
    open_server, tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    async with open_server() as server:
        operator = Operator(server)
        ends = [
            (await reload_in_vain(operator, tmp_path / str(number), mock_clock))[1]
            for number in range(BLOCKED_THREADS_MAX)
        ]
        operator.change(password_file=None, rate=7)
        said: list[str] = []

        async def reload() -> None:
            said.extend(await operator.reload())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reload)
            await trio.testing.wait_all_tasks_blocked(0.05)  # a thread of its own would be done by then
            mock_clock.jump(READ_TIMEOUT_S)
        for end in ends:
            os.close(end)  # lets the threads go

        assert said == ["Nothing was reloaded: a file that earlier reloads wait for did not answer within 2 s"]
        assert await operator.reload() == ["Reloaded rate: 7 (was 5)"]


BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()


async def test_an_unforeseen_error_in_a_reload_ends_that_alone(open_server, logged) -> None:
    async with open_server() as server:
        operator = Operator(server)

        def read() -> CollectedSettings:
            raise RuntimeError("a fault of ours")

        operator.reloader = operator.reading_by(server, read)

        assert await operator.reload() == ["Nothing was reloaded: unexpected error: a fault of ours"]
        assert any("unexpected" in line for line in logged())


async def test_a_reload_reads_the_names_file_again(open_server, tmp_path) -> None:
    file = tmp_path / "names"
    file.write_text(f"ssh-ed25519 {BLOB} alice\n")
    async with open_server() as server:
        operator, names = Operator(server), server.context.accounts.names

        operator.change(names_file=file, names_unseen=86400.0)
        await operator.reload()
        assert names.owner_of("alice").keys[0].blob == BLOB
        assert operator.names.unseen_s == 86400.0

        file.write_text("ssh-ed25519 AAAA alice\n")
        (answer,) = await operator.reload()
        assert answer.startswith(f"Nothing was reloaded: the names file {file}, line 1: ")
        assert names.owner_of("alice").keys[0].blob == BLOB

        file.write_text("")
        await operator.reload()
        assert names.owner_of("alice").keys == ()
