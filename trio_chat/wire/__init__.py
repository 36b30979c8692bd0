"""Codecs of the protocols that the server speaks: bytes to lines and frames, entries to bytes.

They must not know Trio or sockets, nor any rule of the chat.
"""
