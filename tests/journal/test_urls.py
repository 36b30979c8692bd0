"""Passwords in the URLs of journals: shown to nobody."""

from pathlib import Path

import pytest

from trio_chat.config import ServeSettings, settings_of
from trio_chat.journal import JournalError, check_journal
from trio_chat.journal.urls import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("redis://user:se@cret@host", "redis://user:***@host"),
        ("rediss://user:s:e@[::1]:6379/0?ca=x", "rediss://user:***@[::1]:6379/0?ca=x"),
        ("redis://user:s/e?c#r@t@host", "redis://user:***@host"),
        (
            "redis+sentinel://:secret@a,b/x?sentinel_password=se&cret",
            "redis+sentinel://:***@a,b/x?sentinel_password=***",
        ),
        ("redis+sentinel://a/x?sentinel_password=secret&chat=y", "redis+sentinel://a/x?sentinel_password=***&chat=y"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user@host", "redis://user@host"),
        ("sqlite:/a:b@c", "sqlite:/a:b@c"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_settings_and_refusals_show_no_password() -> None:
    [setting] = [one for one in settings_of(ServeSettings) if one.name == "journal"]
    assert "secret" not in setting.show("redis://:secret@host/0")

    with pytest.raises(JournalError, match="there is no journal") as refused:
        check_journal("redis://:secret@host/x", data=Path())
    assert "secret" not in str(refused.value)
