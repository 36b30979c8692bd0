"""Benchmarks of the server, beside a C program that only sends, on the same machine and in the same run.

They must not know the inside of the server: a command, a port and lines are enough. (Only `fill` writes a journal.)
"""
