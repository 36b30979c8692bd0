"""Self-test: a real server with real clients on this machine, in a temporary folder, held to its promises.

Must not know how the server works: it starts one as a user would, and checks what clients are shown and the history.
"""
