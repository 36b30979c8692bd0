"""Sockets: accepting, admission, the first bytes, TLS, and one peer for reading and closing.

Nothing here knows the rules of the chat or how a client speaks.
"""
