"""Delivery: the pump that sends entries to members, and the heartbeats that find dead peers.

Nothing here knows what the bytes say.
"""
