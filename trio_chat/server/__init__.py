"""The server over Trio: sockets, sessions, the pump and the operator's console.

It must not know HTTP, nor any rule of the chat: it carries bytes in and out and asks Chat what they mean.
"""
