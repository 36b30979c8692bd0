"""The server at a glance, its settings, and whether it lives and is ready."""

from itertools import count

import pytest
import trio

from admin_api.resources import Resources
from tests.conftest import PATIENCE_S
from trio_chat import __version__


async def test_the_status_has_health_numbers_and_traffic(admin):
    admin.connect(4000)
    await admin.ask("POST", "/bans", json='{"network": "192.0.2.1"}')

    status = (await admin.ask("GET", "/status")).json

    assert status["version"] == __version__
    assert status["run"] == "1795507200900"
    assert status["health"] == "ok"
    assert status["counts"] == {"clients": 1, "away": 0, "rooms": 1, "bans": 1, "mutes": 0, "hooks": 0, "names": 0}
    assert status["times"] == {"stall_timeout_s": 30.0, "hold_s": 60.0}
    assert status["latest"] is None

    await admin.series.take_sample()
    assert (await admin.ask("GET", "/status")).json["latest"]["clients"] == 1


async def test_the_status_gives_all_reasons(admin):
    admin.journal.fault, admin.journal.damage = "the disk is full", "entry 42 is damaged"

    status = (await admin.ask("GET", "/status")).json

    assert status["health"] == "read-only"
    assert status["reasons"] == ["the disk is full", "entry 42 is damaged"]


async def test_each_setting_is_shown_with_where_it_came_from(admin):
    settings = {one["key"]: one for one in (await admin.ask("GET", "/settings")).json["settings"]}

    assert settings["port"]["value"] == "5555"
    assert settings["port"]["source"] == "--port"
    assert settings["rate"]["source"] == "default"
    assert settings["rate"]["is_live"]


@pytest.mark.parametrize("trouble", ["fault", "is_stopping", "is_full"])
async def test_a_server_in_trouble_lives_and_is_not_ready(open_admin, trouble):
    async with open_admin() as admin:
        assert (await admin.ask("GET", "/health/ready")).json == {"status": "ready", "reasons": []}
        if trouble == "fault":
            admin.journal.fault = "the disk is full"
        else:
            admin.troubles.add(trouble)

        ready = await admin.ask("GET", "/health/ready")

        assert ready.status == 503
        assert len(ready.json["reasons"]) == 1
        assert (await admin.ask("GET", "/health/live")).status == 200


async def test_the_status_has_the_resources_and_their_limits(admin):
    admin.connect(4000)
    admin.state.resources.latest = {"memory": (400, 1000), "data": (7, None)}

    resources = {one["name"]: one for one in (await admin.ask("GET", "/status")).json["resources"]}

    assert resources["clients"] == {"name": "clients", "used": 1, "limit": None, "unit": "count"}
    assert resources["memory"] == {"name": "memory", "used": 400, "limit": 1000, "unit": "bytes"}
    assert resources["data"] == {"name": "data", "used": 7, "limit": None, "unit": "bytes"}
    assert resources["windows"]["limit"] > 0
    assert "disk" not in resources  # the system did not tell


async def test_resources_are_measured_again_and_again(nursery):
    numbers, is_measured = count(1), trio.Event()

    def measure():
        if (number := next(numbers)) == 3:
            trio.from_thread.run_sync(is_measured.set)
        return {"memory": (number, None)}

    resources = Resources(measure, interval_s=0)
    nursery.start_soon(resources.run)

    with trio.fail_after(PATIENCE_S):
        await is_measured.wait()
    assert resources.latest["memory"][0] >= 2
