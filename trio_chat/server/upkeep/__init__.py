"""Upkeep: rooms and clients restored at the start; bans, names, memories and stickers kept meanwhile; and pruning.

Nothing here knows sockets or the sessions of connections.
"""
