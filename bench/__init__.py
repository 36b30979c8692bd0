"""Measure the server beside the fastest one that C can be, on this machine and in one run.

It knows the server only from outside: a command, a port, lines. (`start` fills a journal through `trio_chat.journal`.)
"""
