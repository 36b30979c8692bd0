"""The answers of `GET /metrics`."""

from prometheus_client.parser import text_string_to_metric_families

from trio_chat import __version__


async def scrape(admin) -> dict[tuple[str, ...], float]:
    answer = await admin.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_it_tells_how_a_server_does_that_has_just_begun(admin) -> None:
    seen = await scrape(admin)

    assert seen["trio_chat_build_info", __version__] == 1
    assert seen["trio_chat_clients", "lines"] == seen["trio_chat_clients", "frames"] == 0
    assert seen["trio_chat_disconnects_total", "stalled"] == 0
    assert seen["trio_chat_journal_fault",] == seen["trio_chat_journal_damage",] == 0
    assert seen["trio_chat_commit_seconds_count",] == 0


async def test_it_counts_who_comes_and_goes_and_what_is_sent(admin) -> None:
    first = admin.connect(47634)
    admin.connect(47635)
    admin.chat.record_input(first)
    admin.chat.kick(first)
    admin.refused["banned"] += 3

    seen = await scrape(admin)

    assert seen["trio_chat_clients", "lines"] == 1
    assert seen["trio_chat_connects_total", "lines"] == 2
    assert seen["trio_chat_disconnects_total", "kicked"] == 1
    assert seen["trio_chat_refused_total", "banned"] == 3
    assert seen["trio_chat_lines_total",] == 1
    assert seen["trio_chat_sent_bytes_total",] == 2 * 210  # of the one that is here, and of the one that is gone


async def test_it_shows_times_as_a_histogram(admin) -> None:
    for delay_s in (0.0005, 0.05, 0.07, 3.0):
        admin.loop_delay.observe(delay_s)

    seen = await scrape(admin)

    buckets = [seen["trio_chat_loop_delay_seconds_bucket", bound] for bound in ("0.001", "0.1", "+Inf")]
    assert buckets == [1, 3, 4]
    assert seen["trio_chat_loop_delay_seconds_count",] == 4
    assert seen["trio_chat_loop_delay_seconds_sum",] == 3.1205


async def test_a_journal_that_keeps_nothing_is_seen(admin) -> None:
    admin.journal.fault = "the disk is full"

    assert (await scrape(admin))["trio_chat_journal_fault",] == 1
