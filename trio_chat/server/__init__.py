"""The server's side of Trio: sockets, the pump, the operator's console.

It must not know HTTP, nor any rule of the chat: it carries bytes in and out and asks Chat what they mean.
"""
