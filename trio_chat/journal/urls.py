"""URLs of journals as they are shown: in messages, logs and lists of settings. Pure."""

import re
from urllib.parse import unquote

_PASSWORD = re.compile(r"(?<=//)([^/?#@:]*):.*@", re.DOTALL)
"""All up to the last `@`: a password that was not written as it should be may have any character."""

_OPTION = re.compile(r"(?<=[?&])([^=&]*)=((?:(?!&[a-z_]+=).)*)", re.DOTALL)
"""An option up to the next one: a password may have an `&` by mistake."""


def without_password(url: str) -> str:
    """Return a URL with marks in place of its passwords, if it has some."""
    return _OPTION.sub(_shown, _PASSWORD.sub(r"\1:***@", url))


def _shown(option: re.Match[str]) -> str:
    name = option[1]
    return f"{name}=***" if "password" in unquote(name).lower() else option[0]
