"""Sessions: one connection from its first byte to its last, in lines or in frames.

A session translates between bytes and the rules of the chat, which are in `chat/`. Nothing here knows HTTP or how an
entry is stored.
"""
