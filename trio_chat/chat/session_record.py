"""Session records: the part of a client that outlasts a restart of the server."""

from typing import Annotated

import msgspec

CleanWord = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""A label, a name or an id: with control characters, what is decoded could do harm on a screen, and is refused."""

RoomNames = Annotated[tuple[CleanWord, ...], msgspec.Meta(max_length=2000)]
"""The rooms of a client, or of all places of a member: restoring one in 3,000 rooms holds the loop for 50 ms."""

PERSON = "person"
"""The mode of a member's record, which has the rooms of all their places, and of which others are told."""


class Told(msgspec.Struct, frozen=True):
    """The label of a client and its rooms as the notices kept so far tell them."""

    label: CleanWord
    rooms: RoomNames


class SessionRecord(msgspec.Struct, frozen=True):
    """A client's label, its nick if it has one, its rooms, and the address of its last connection.

    `owner` is the session, which another connection can resume, or else the id of the connection. `told` is set while
    notices lag behind the record, since they are summed up later; else None. `account` is the id of its account; "" for
    a guest. The record of a place of an account serves to resume it, and others are told of the person instead.
    """

    owner: str
    mode: CleanWord
    label: CleanWord
    nick: CleanWord
    rooms: RoomNames
    address: CleanWord = ""
    told: Told | None = None
    account: CleanWord = ""

    @property
    def is_place(self) -> bool:
        """True for a place of an account."""
        return bool(self.account) and self.mode != PERSON

    @property
    def as_told(self) -> "SessionRecord | None":
        """The record that follows from the notices kept so far; None where they tell of nobody.

        What they tell of a place was told of the guest that it was.
        """
        if self.told is None:
            return None if self.is_place else self
        if not self.told.rooms:
            return None
        account = "" if self.is_place else self.account
        return msgspec.structs.replace(self, label=self.told.label, rooms=self.told.rooms, told=None, account=account)


class SessionEnd(msgspec.Struct, frozen=True):
    """The end of a session: its record, if there is one, is deleted."""

    owner: str


SessionChange = SessionRecord | SessionEnd
"""A record replaces an earlier one of its owner."""
