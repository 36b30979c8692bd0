"""Claimed names and invites over HTTP."""

from base64 import b64encode

import pytest

from trio_chat.chat.accounts.account import PasswordProof, ProofConnection
from trio_chat.chat.accounts.accounts import INVITES_MAX
from trio_chat.journal import InDoubtError, JournalError

BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()
HERE = ProofConnection(origin=-1, address="127.0.0.1", is_private=True, binding="-", nonce="", epoch="e1")


async def audit(admin) -> list[tuple[str, str]]:
    assert await admin.operator_log.settled(9)
    return [(record.action, record.what) for record in await admin.journal.read_audit(limit=99)]


async def claim(admin, name: str, code: str):
    return await admin.accounts.claim(name, PasswordProof("correct horse"), HERE, invite=code)


async def test_a_name_is_handed_out_by_a_key(admin) -> None:
    made = await admin.ask("POST", "/names", json=f'{{"name": "alice", "key": "ssh-ed25519 {BLOB} laptop"}}')

    assert made.status == 201
    assert made.json["invite"] is None
    assert made.json["name"]["keys"][0]["source"] == "operator"
    listed = await admin.ask("GET", "/names?name=LIC")
    assert listed.json == {"names": [made.json["name"]], "total": 1}
    assert (await admin.ask("GET", "/names?name=bob")).json == {"names": [], "total": 0}
    assert await audit(admin) == [("name-add", "alice")]


async def test_a_name_is_handed_out_by_an_invite_that_is_for_it_alone(admin) -> None:
    made = await admin.ask("POST", "/names", json='{"name": "alice"}')

    invite = made.json["invite"]
    assert (invite["port"], invite["fingerprint"], invite["invite"]["name"]) == (5555, "ab" * 32, "alice")
    account = await claim(admin, "alice", invite["code"])
    assert account.id == made.json["name"]["account"]
    assert (await admin.ask("GET", "/invites")).json == {"invites": []}
    (listed,) = (await admin.ask("GET", "/names")).json["names"]
    assert listed["has_password"] is True


async def test_a_reset_name_is_taken_back_by_its_invite(admin) -> None:
    await admin.ask("POST", "/names", json=f'{{"name": "alice", "key": "{BLOB}"}}')

    reset = await admin.ask("POST", "/names/Alice/reset")

    assert reset.status == 200
    assert reset.json["name"]["keys"] == []
    await claim(admin, "alice", reset.json["invite"]["code"])
    assert [action for action, _ in await audit(admin)] == ["name-add", "name-reset"]


async def test_a_name_is_made_free(admin) -> None:
    await admin.ask("POST", "/names", json=f'{{"name": "alice", "key": "{BLOB}"}}')

    removed = await admin.ask("DELETE", "/names/alice")

    assert (removed.status, removed.json["name"]["name"]) == (200, "alice")
    assert (await admin.ask("DELETE", "/names/alice")).status == 404
    assert (await admin.ask("POST", "/names/alice/reset")).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"name": "alice"}', 409),
        ('{"name": "ALlCE"}', 409),
        ('{"name": "guest-bob"}', 400),
        ('{"name": "a b"}', 400),
        ('{"name": "bob", "key": "ssh-rsa AAAA"}', 400),
        ('{"name": ""}', 400),
        ('{"name": "bob", "password": "x"}', 400),
    ],
)
async def test_a_name_that_cannot_be_handed_out(admin, body: str, status: int) -> None:
    await admin.ask("POST", "/names", json=f'{{"name": "alice", "key": "{BLOB}"}}')

    assert (await admin.ask("POST", "/names", json=body)).status == status


async def test_an_invite_is_made_listed_and_withdrawn(admin) -> None:
    made = await admin.ask("POST", "/invites", json='{"uses": 2, "expires_s": 3600}')

    assert made.status == 201
    invite, code = made.json["invite"], made.json["code"]
    await claim(admin, "alice", code)
    assert (await admin.ask("GET", "/invites")).json == {"invites": [{**invite, "uses": 1}]}
    assert code not in (await admin.ask("GET", "/invites")).text
    assert (await admin.ask("DELETE", f"/invites/{invite['id']}")).status == 200
    assert (await admin.ask("DELETE", f"/invites/{invite['id']}")).status == 404
    assert (await admin.ask("GET", "/invites")).json == {"invites": []}
    assert await audit(admin) == [("invite", f"{invite['id']} for 2"), ("invite-withdraw", invite["id"])]


async def test_an_invite_that_has_expired_is_not_listed(admin) -> None:
    await admin.ask("POST", "/invites", json='{"expires_s": 60}')
    admin.now += 60

    assert (await admin.ask("GET", "/invites")).json == {"invites": []}


@pytest.mark.parametrize("body", ['{"uses": 0}', '{"uses": 1001}', '{"expires_s": 59}', '{"expires_s": 1e9}'])
async def test_an_invite_has_bounds(admin, body: str) -> None:
    assert (await admin.ask("POST", "/invites", json=body)).status == 400


async def test_the_number_of_invites_is_bounded(admin) -> None:
    invite, _ = await admin.accounts.make_invite(uses=1, expires_s=3600, by="carol")
    for number in range(INVITES_MAX - 1):
        admin.accounts.invites[f"{number:064x}"] = invite

    assert (await admin.ask("POST", "/invites", json="{}")).status == 409


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (JournalError("the disk is full"), "Nothing was changed, for it cannot be kept: the disk is full."),
        (InDoubtError("nobody knows: it may be kept"), "Nobody knows: it may be kept. Look before you ask again."),
    ],
)
@pytest.mark.parametrize("path", ["/names", "/invites"])
async def test_a_change_that_cannot_be_kept_or_is_in_doubt_is_503_and_nothing(
    admin, monkeypatch: pytest.MonkeyPatch, path, error, detail
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(admin.accounts._keeper, "keep_account", fail)
    monkeypatch.setattr(admin.accounts._keeper, "keep_invite", fail)
    answer = await admin.ask("POST", path, json='{"name": "alice"}' if path == "/names" else "{}")

    assert answer.status == 503
    assert answer.json["detail"] == detail
    assert len(admin.accounts.names) == len(admin.accounts.invites) == 0
