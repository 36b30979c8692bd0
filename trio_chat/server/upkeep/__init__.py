"""Upkeep: session records, the operator log and pruning, written to the journal while nobody waits.

Nothing here knows sockets or sessions.
"""
