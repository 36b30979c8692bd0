"""The samples of the last hour."""

import pytest

from admin_api.series import INTERVAL_S, SAMPLES, quantile_ms
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.log import Mode

BOUNDS_S = (0.001, 0.01, 0.1)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ([0, 0, 0, 0], 0.5, None),
        ([10, 0, 0, 0], 0.5, 0.5),
        ([10, 0, 0, 0], 1, 1.0),
        ([5, 5, 0, 0], 0.5, 1.0),
        ([5, 5, 0, 0], 0.75, 5.5),
        ([0, 0, 1, 0], 0.99, 99.1),
        ([0, 0, 0, 7], 0.5, 100.0),
    ],
)
def test_a_quantile_is_estimated_inside_its_bucket(counts, share, expected):
    assert quantile_ms(BOUNDS_S, counts, share) == (None if expected is None else pytest.approx(expected))


async def test_a_sample_has_the_traffic_since_the_one_before(autojump_clock, admin):
    ann = admin.connect(4000)
    admin.connect(4001, mode=Mode.FRAMES)
    await admin.series.take_sample()
    for _ in range(20):
        admin.chat.record_input(ann)
    admin.delivery_delay.observe(0.0005)
    autojump_clock.jump(INTERVAL_S)

    await admin.series.take_sample()
    quiet, busy = (await admin.ask("GET", "/series")).json["samples"]

    assert quiet["delay_p99_ms"] is None
    assert busy["clients"] == 2
    assert busy["lines_per_s"] == pytest.approx(20 / INTERVAL_S, rel=0.01)
    assert 0 < busy["delay_p50_ms"] <= 1


async def test_an_hour_is_kept_and_no_more(admin):
    for _ in range(SAMPLES + 1):
        admin.now += INTERVAL_S
        await admin.series.take_sample()

    samples = (await admin.ask("GET", "/series")).json["samples"]

    assert len(samples) == SAMPLES
    assert samples[-1]["time"] - samples[0]["time"] == (SAMPLES - 1) * INTERVAL_S


async def test_the_reasons_why_connections_ended_are_those_of_the_last_hour(admin):
    admin.chat.disconnect(admin.connect(4000))
    admin.operator.kick(admin.connect(4001), by="test")
    ended = (await admin.ask("GET", "/series")).json["ended"]
    assert set(ended) == set(DisconnectReason)
    assert (ended["left"], ended["kicked"], ended["dead"]) == (1, 1, 0)

    for _ in range(SAMPLES):
        await admin.series.take_sample()

    assert set((await admin.ask("GET", "/series")).json["ended"].values()) == {0}
