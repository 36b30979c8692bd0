"""The conversation between a link and a person: what every view shares.

It must not know a view: a surface to type at and a display to print on are given to it.
"""
