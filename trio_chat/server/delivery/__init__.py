"""Delivery: the pump, which sends entries to members, and the search for dead peers.

Nothing here knows a session, nor any bytes but those of the `ping` that asks for a sign of life.
"""
