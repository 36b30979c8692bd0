"""The domain: rooms, members and every rule of the chat.

It must not know Trio, sockets, files or a clock of its own: what it needs from outside is handed in.
"""
