"""History as a file: the entries of a journal as lines of JSON, for backups and for moving to another journal.

It must not know how a journal stores anything, nor rooms, members or sockets.
"""
