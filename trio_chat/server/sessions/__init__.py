"""Sessions: one connection from its first byte to its last, in lines or in frames.

The rules of the chat are in `chat/`; a session translates between them and bytes.
"""
