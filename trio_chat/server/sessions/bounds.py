"""Bounds on the time of the loop, memory and deadlines of one session."""

INPUTS_PER_TURN = 64
"""Lines or frames handled between two checkpoints. Without these, 4 KiB of empty lines would hold the loop for 5 ms."""

ANSWERS_BYTES = 64 * 1024
"""Bytes of answers made for one client before it has to take them: a line of ten bytes can ask for megabytes."""

DELIVERY_AFTER_LEAVE_S = 5
"""Time for a client that has left to read what is still owed to it."""

FINAL_READS = 64
"""Reads, of 4 KiB at most, of what a client had sent before its connection broke."""
