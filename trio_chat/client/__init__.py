"""The client: `trio-chat join`.

It must not know the rules of the server: like any other client, it only speaks the protocol.
"""
