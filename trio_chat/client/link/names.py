"""Names as the server writes them. An invalid one stays as it is: the server refuses it. Pure."""

from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick, check_room


def room_name(name: str) -> str:
    """Return the name of a room as the server writes it."""
    try:
        return check_room(name)
    except ChatError:
        return name


def nick_name(name: str) -> str:
    """Return a nick as the server writes it."""
    try:
        return check_nick(name)
    except ChatError:
        return name
