"""The reader of server-sent events."""

import json

from trio_chat.operate.event_stream import ServerEvent, read_events


def test_events_are_read_and_pings_and_retries_left_out() -> None:
    lines = [
        b"retry: 3000",
        b": ping",
        b"id: 1-2",
        b"event: health",
        b'data: {"health":"ok"}',
        b"",
        b": ping",
        b"",
        b"event: gap",
        b'data: {"missed":null}',
        b"",
        b"id: 1-3",
    ]

    assert list(read_events(lines)) == [
        ServerEvent("health", {"health": "ok"}, "1-2"),
        ServerEvent("gap", {"missed": None}),
    ]


def test_an_event_without_a_name_is_a_message() -> None:
    data = json.dumps({"text": "a: b"}).encode()

    assert list(read_events([b"data:" + data, b""])) == [ServerEvent("message", {"text": "a: b"})]
