"""What a client remembers from one sitting to the next: small files in the person's state folder.

It must not know the link or a view.
"""
