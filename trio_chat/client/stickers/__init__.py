"""Stickers: the catalogue, its file format, and loading it. Only clients draw stickers."""
