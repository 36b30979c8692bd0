"""Timeouts of a shutdown: one table, whose sum keeps the promise that the process exits within `EXIT_S`.

The stages follow one another and share one deadline (`operation.shutdown.Stop`), so a stage that takes less leaves the
rest to the journal, and none can take what is reserved for it.
"""

EXIT_S = 5.0
"""From the signal to the exit of the process, whatever clients, operators and the disk do (DESIGN.md, promise 10)."""

DELIVERY_S = 0.5
"""Stage 1: lines that were accepted are written to the journal and delivered to their rooms."""

FAREWELL_S = 2.0
"""Stage 2: slow readers are sent what is left, ending with the notice that the server stops."""

TLS_CLOSE_S = 1.0
"""The same for a client on TLS, with its close_notify. At the same time as the others."""

KICK_DELIVERY_S = 0.5
"""Time to send a client that was kicked, or whose name was handed out, what was said before that. At the same time as
the others."""

FINAL_READ_S = 0.1
"""Time to read what a client had sent before its connection broke, which is there. At the same time as the others."""

RECORDS_S = 0.5
"""Stage 3: sessions, bans and the audit are written to the journal."""

EVENT_STREAMS_S = 0.35
"""Streams of `GET /events` end in good order, at the same time as stage 3."""

JOURNAL_S = 1.0
"""Stage 4: the journal writes what it has and closes. Reserved: no other stage can use this second."""

STOP_S = DELIVERY_S + FAREWELL_S + RECORDS_S + JOURNAL_S
"""From the request until the journal is closed: the shared deadline."""

LOG_S = 0.5
"""Then the log writes the lines that are queued, if anybody reads them."""

INTERPRETER_S = 0.5
"""Then Python itself ends."""

assert STOP_S + LOG_S + INTERPRETER_S <= EXIT_S
assert TLS_CLOSE_S <= FAREWELL_S
assert KICK_DELIVERY_S + FINAL_READ_S <= FAREWELL_S
assert EVENT_STREAMS_S <= RECORDS_S
