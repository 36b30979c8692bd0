"""Session records: the part of a client that outlasts a restart of the server."""

import msgspec


class SessionRecord(msgspec.Struct, frozen=True):
    """A client's label, its nick if it has one, and its rooms.

    `owner` is the session, which another connection can resume, or else the id of the connection.
    """

    owner: str
    mode: str
    label: str
    nick: str
    rooms: tuple[str, ...]


class SessionEnd(msgspec.Struct, frozen=True):
    """The end of a session: its record, if there is one, is deleted."""

    owner: str


SessionChange = SessionRecord | SessionEnd
"""A record replaces an earlier one of its owner."""
