"""Bounds on what one session takes of the loop, of memory and of time."""

INPUTS_PER_TURN = 64
"""Lines or frames handled between two checkpoints: 4 KiB of empty lines would else hold the loop for 5 ms."""

ANSWERS_BYTES = 64 * 1024
"""Answers made for one client before it has to take them: a line of ten bytes can ask for megabytes."""

DELIVERY_AFTER_LEAVE_S = 5
"""Time that a client which has left may take to read what is still owed to it."""
