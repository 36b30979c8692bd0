"""Upkeep: restoring rooms and sessions at start, the operator log, and pruning.

Nothing here knows sockets or sessions.
"""
