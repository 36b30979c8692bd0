"""The memory of a client from one session to the next: small files in the person's state folder.

It must not know the link or a view.
"""
