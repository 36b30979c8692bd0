"""Credentials: the cryptography of proofs, in threads, and the files that hold keys.

It must not know sessions, rooms or the protocol.
"""
