"""URLs of journals as they are shown: in messages, logs and lists of settings. Pure."""

import re

_PASSWORD = re.compile(r"(?<=//)([^/?#@:]*):[^/?#]*@")
"""All up to the last `@` before the path, since a password that was not written as it should be may have one, too."""


def without_password(url: str) -> str:
    """Return a URL with a mark in place of its password, if it has one."""
    return _PASSWORD.sub(r"\1:***@", url)
