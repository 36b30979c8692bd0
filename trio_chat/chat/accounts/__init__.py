"""Accounts: names that belong to somebody, what proves them, and every rule about that.

It must not know Trio, sockets, files, the journal or a library of cryptography: those are handed in.
"""
