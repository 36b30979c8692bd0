"""The operator's HTTP interface on Quart-Trio.

It sees Chat's public methods, the journal's `read` and the configuration. It must not know sessions, the sockets of
clients, the pump or the wire. Importing this package and `admin_api.http.listening` costs nothing; the modules that
import Quart and hypercorn take a quarter of a second, so the app opens the listeners first and imports them in a
thread.
"""
