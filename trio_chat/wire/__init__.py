"""Bytes to inputs, entries to bytes, for each way of speaking to the server.

It must not know Trio or sockets, nor any rule of the chat: it parses and it prints.
"""
