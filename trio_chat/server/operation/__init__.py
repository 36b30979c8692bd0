"""Operation: console, logs, signals, shutdown, systemd and secret files.

Nothing here knows how a client speaks.
"""
