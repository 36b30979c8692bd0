"""The faults that the server has to stand, at length: thousands of clients, a thousand kills, minutes of soak.

Like the rest of `bench` it knows the server only from outside, and its journal as a database; those who come back are
our own client. All traffic stays on this machine, and everything ends by itself.
"""
