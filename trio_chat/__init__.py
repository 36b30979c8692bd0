"""trio-chat: a self-hosted, terminal-first chat server on Trio.

This package knows no HTTP: `admin_api` stands beside it, and only `serve/` brings the two together.
"""

__version__ = "0.1.0"
