"""Stickers: the catalogue, its file format, pictures, and loading them.

It must not know a view, a link or a server: these use it.
"""
