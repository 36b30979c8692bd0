"""The answers of `GET /health`."""

from trio_chat import __version__


async def test_a_healthy_server_says_so(admin):
    admin.connect(47634)

    answer = await admin.ask("GET", "/health")

    assert answer.status == 200
    assert answer.json == {
        "status": "ok",
        "version": __version__,
        "uptime_s": 0,
        "clients": 1,
        "window_bytes": 0,
        "durability": admin.journal.promise,
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_entries_that_are_damaged_degrade_health_but_keep_it_green(admin):
    admin.journal.damage = "entry 42 of /data/journal.db is damaged"

    answer = await admin.ask("GET", "/health")

    assert answer.status == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["reason"] == "entry 42 of /data/journal.db is damaged"


async def test_a_journal_that_keeps_nothing_turns_health_red_until_it_heals(admin):
    admin.journal.fault = "the disk is full: /data/journal.db"

    ill = await admin.ask("GET", "/health")
    admin.journal.fault = None
    healed = await admin.ask("GET", "/health")

    assert ill.status == 503
    assert ill.json["status"] == "read-only"
    assert ill.json["reason"] == "the disk is full: /data/journal.db"
    assert healed.status == 200
    assert healed.json["status"] == "ok"
