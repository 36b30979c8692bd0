"""The times behind one promise: a dead peer is gone within 45 s.

Each mechanism below finds peers that the others cannot. "Latest" is the longest time for which a peer can stay
connected after it died; each of them keeps the promise.

    mechanism          finds                                               latest
    TCP keep-alive     a machine that vanished while nothing was sent      15 + 3 x 8   = 39 s
    TCP_USER_TIMEOUT   one that vanished while data was on its way         38 s, checked with the probes: 39 s
    unacknowledged     one that data was sent to after it had vanished,    39 + 5       = 44 s
                       while keep-alive was counting
    heartbeat          a client behind a proxy, or one that is frozen      40 + 2.5     = 42.5 s
"""

PROMISE_S = 45

# TCP keep-alive: the first probe after this much silence, then one every interval, until so many are unanswered.
KEEPALIVE_IDLE_S = 15
KEEPALIVE_INTERVAL_S = 8
KEEPALIVE_PROBES = 3

USER_TIMEOUT_S = 38
"""Age at which unacknowledged data ends a connection.

Linux ends silent connections by this time too, and checks it whenever a probe is due, so it has to be below the sum of
keep-alive. With 38 s, silent ones are gone after 39 s and some tenths, since its timers are coarse; with 40 s and
probes every 10 s it took 45.8 s.
"""

UNACKNOWLEDGED_S = 39
"""Silence of a peer that owes an acknowledgement after which it is dead."""

UNACKNOWLEDGED_LOOK_EVERY_S = 5
"""10,000 clients are checked in 20 ms in all."""

PING_AFTER_S = 15
"""Silence of a client that speaks frames after which it is sent a `ping`."""

NO_PONG_S = 40
"""Silence after which it is dead: it had 25 s for an answer."""

HEARTBEAT_LOOK_EVERY_S = 2.5

KEEPALIVE_LATEST_S = KEEPALIVE_IDLE_S + KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_S
UNACKNOWLEDGED_LATEST_S = UNACKNOWLEDGED_S + UNACKNOWLEDGED_LOOK_EVERY_S
HEARTBEAT_LATEST_S = NO_PONG_S + HEARTBEAT_LOOK_EVERY_S

assert USER_TIMEOUT_S < KEEPALIVE_LATEST_S < PROMISE_S
assert UNACKNOWLEDGED_LATEST_S < PROMISE_S
assert PING_AFTER_S + HEARTBEAT_LOOK_EVERY_S < NO_PONG_S
assert HEARTBEAT_LATEST_S < PROMISE_S
