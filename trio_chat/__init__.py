"""trio-chat: a self-hosted, terminal-first chat server on Trio.

This package knows no HTTP: `admin_api` sits beside it, and only `app.py` brings the two together.
"""

__version__ = "0.1.0"
