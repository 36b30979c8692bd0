"""The admin API: HTTP for operators, on Quart-Trio.

It uses the public methods of Chat, Operator and the journal. It must not know sessions, the sockets of clients, the
pump or the wire. Modules that import Quart or hypercorn take a quarter of a second to import, so `serve` opens the
listeners first and then imports `admin_api.app` in a thread; the others say that they need no Quart.
"""
