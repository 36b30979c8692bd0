"""What the settings decide for the chat."""

from trio_chat.chat.log import Window
from trio_chat.chat.surroundings import Rules
from trio_chat.config import ServeSettings


def rules_of(settings: ServeSettings) -> Rules:
    """Say what the operator decided in the chat's own words."""
    return Rules(
        window=Window(settings.window_entries, settings.window_bytes),
        hold_s=settings.hold,
        announce_max_members=settings.announce_max,
    )
