"""Credentials: the cryptography of proofs, in threads, and what is made of files with keys.

It must not know sessions, rooms or the protocol.
"""
