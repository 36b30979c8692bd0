"""The link of a client to its server: addresses, TLS, the protocol, reconnecting and the outbox.

It reports events and knows nothing of how they are shown.
"""
