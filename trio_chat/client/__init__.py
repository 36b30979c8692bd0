"""The other end: `trio-chat join`.

It must not know the server's side of anything: it speaks the protocol like any stranger would.
"""
