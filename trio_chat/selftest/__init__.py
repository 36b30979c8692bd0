"""Trying a real server with real clients, on this machine and on data that nobody needs: does it keep its promises?

It must not know how the server works: it starts one as a user would, and looks at what clients see and at the history.
"""
