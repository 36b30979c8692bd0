"""Delivery: the pump, which sends entries to members, and the search for dead peers.

Nothing here knows a session, and of the bytes only the `ping` that asks for a sign of life.
"""
