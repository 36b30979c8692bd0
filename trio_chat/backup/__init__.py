"""History as a file: what a journal keeps, one line of JSON each, for backups and for moving to another journal.

It must not know how a journal stores anything, and nothing of rooms, members or sockets.
"""
